"""The application for an ASGI server; the doors themselves are synchronous."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")

application = get_asgi_application()
