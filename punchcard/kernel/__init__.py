"""What every room stands on: time, ids, durations, currencies, raw SQL."""
