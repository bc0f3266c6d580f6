"""Pure decisions about orders: sums, moves, and what comes back."""
