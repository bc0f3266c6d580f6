"""The application for a WSGI server, as in `granian --interface wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")

application = get_wsgi_application()
