"""The application for an ASGI server; the doors themselves are synchronous."""

import os

from django.core.asgi import get_asgi_application

from punchcard.project import celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")

application = get_asgi_application()
# Whoever answers a request may send tasks.
tasks = celery.app
