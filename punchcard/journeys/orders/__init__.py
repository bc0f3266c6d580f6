"""Orders, returns and activities: what they are, earn, and take back."""
