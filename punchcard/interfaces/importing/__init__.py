"""Files of what happened elsewhere: CSV into rows, rows into commands, batch by batch.

`columns.py` says what a file may have, `csv_files.py` reads it, `staging.py` puts its
rows in order, `orders.py`, `balances.py` and `members.py` say what a row means, and
`running.py` posts them. Who follows an import (the console, a job) is told how it goes.
"""
