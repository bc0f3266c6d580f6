"""Pure decisions: rules and a purchase in, awards and reasons out."""
