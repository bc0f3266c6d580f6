"""Orders: what members bought, how they paid, and what they gave back."""
