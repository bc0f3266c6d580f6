"""The `punchcard` command.

`parser.py` knows every command and its arguments and imports nothing of Django;
each command is a module with `run(arguments, installation) -> exit code`. A mistake
that somebody can mend is a `Stop`: one sentence, and a code that is not 0.
"""
