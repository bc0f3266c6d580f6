"""Long work that is asked for through the API and done by workers.

`kinds.py` says what may be asked for, `running.py` does what there is to do, and
`imports.py` and `exports.py` know how.
"""
