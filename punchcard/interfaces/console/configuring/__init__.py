"""`punchcard config`: a program's configuration as a file."""
