"""The application for a WSGI server, as in `granian --interface wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from punchcard.project import celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")

application = get_wsgi_application()
# Whoever answers a request may send tasks.
tasks = celery.app
