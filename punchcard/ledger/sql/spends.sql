-- What was spent (and given back, as negative) since the period began.
SELECT account_id, effective_at, points FROM ledger_spends_since(%s, %s)
