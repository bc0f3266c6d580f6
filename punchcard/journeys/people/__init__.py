"""What people do to be let in, and what is done about them."""
