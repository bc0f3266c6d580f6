"""Seeded faults: known bugs of other ledgers, each killed by a test that names it.

`python -m tests.mutants` copies the tree, applies one patch at a time and runs the one
test that must fail for it, for the stated reason. A suite that lets one live is no
evidence. `faults` is the list; `test_faults` holds it to the code as it stands.
"""
