"""`punchcard import …`: files of what happened elsewhere, each kind in its module."""
