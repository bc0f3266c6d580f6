"""`python -m punchcard`: the command, where nothing is installed but what it needs."""

import sys

from punchcard.project.main import main

sys.exit(main())
