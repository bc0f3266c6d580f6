"""All the settings that the ledger needs in a project of somebody else."""

import json
import os

SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = ["tests.standalone.shop"]
INSTALLED_APPS += ["punchcard.programs", "punchcard.ledger"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql"}
    | json.loads(os.environ["SHOP_DATABASE"])
}
