"""What orders and activities earn, and why; what a return takes back of it."""
