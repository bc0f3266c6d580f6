"""How urgent work is; known to those too who do none of it."""

URGENT, NORMAL, SLOW = "urgent", "normal", "slow"
QUEUES = (URGENT, NORMAL, SLOW)
"""The most urgent first: that is the order in which a worker takes them."""

SENT_AT = "sent_at"
"""Header of a message: when it was put into its queue."""
