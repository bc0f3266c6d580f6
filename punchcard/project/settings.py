"""Django's settings, in titled sections; what differs by place comes from `env`."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from punchcard import interfaces
from punchcard.kernel import direct
from punchcard.project import env, logs, security
from punchcard.project.servers.postgres import PostgresServer
from punchcard.project.servers.valkey import ValkeyServer

# ------------------------------------------------------------------------- where

HOME = Path(env.text("PUNCHCARD_HOME", ".punchcard")).resolve()
"""The folder of the embedded servers and of what is generated once."""

DATABASE_URL = env.optional("DATABASE_URL")
EMBEDDED = DATABASE_URL is None
"""Whether Punchcard runs its own PostgreSQL. Settings start nothing: who composes a
process (the console, the tests) calls `PostgresServer(HOME).ensure()` first."""

POOLER_URL = env.optional("PUNCHCARD_POOLER_URL")
"""A pooler in transaction mode before that database; None: there is none."""

REDIS_URL = env.optional("REDIS_URL")
OWN_BROKER = REDIS_URL is None
"""Whether Punchcard runs its own Valkey; who needs it calls its `ensure()` first."""
BROKER = env.broker(REDIS_URL if REDIS_URL is not None else ValkeyServer(HOME).url)


def _secret_key() -> str:
    """Take the key from the environment; for trying out, make one and keep it."""
    given = env.optional("PUNCHCARD_SECRET_KEY")
    if given is not None:
        if not EMBEDDED:
            security.require_secret("PUNCHCARD_SECRET_KEY", given)
        return given
    if not EMBEDDED:
        message = "Set PUNCHCARD_SECRET_KEY (or PUNCHCARD_SECRET_KEY_FILE)."
        raise env.EnvironmentMistake(message)
    kept = HOME / "secret_key"
    if not kept.exists():
        HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = HOME / f"secret_key.{os.getpid()}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(50))
        try:
            # A link, not a rename: of two who start at once, the first one's stays.
            kept.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return kept.read_text()


# ------------------------------------------------------------------------- django

SECRET_KEY = _secret_key()
DEBUG = env.flag("PUNCHCARD_DEBUG", default=False)
# On its own machine only: nobody else's name for it is right.
ALLOWED_HOSTS = env.words(
    "PUNCHCARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if EMBEDDED else ""
)
if not ALLOWED_HOSTS:
    message = "Set PUNCHCARD_ALLOWED_HOSTS: the host names that it is called by."
    raise env.EnvironmentMistake(message)
BEHIND_HTTPS_PROXY = env.flag("PUNCHCARD_BEHIND_HTTPS_PROXY", default=False)
security.require_hosts(ALLOWED_HOSTS)
security.require_guarded(
    hosts=ALLOWED_HOSTS,
    debug=DEBUG,
    https=BEHIND_HTTPS_PROXY,
    plain=env.flag("PUNCHCARD_PLAIN_HTTP", default=False),
)

INSTALLED_APPS = [
    "punchcard.kernel",
    "punchcard.programs",
    "punchcard.ledger",
    "punchcard.members",
    "punchcard.access",
    "punchcard.orders",
    "punchcard.earning",
    # What a user is to Django's own parts: hashers, validators, tokens.
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django.contrib.staticfiles",
    "django_celery_beat",
]
MIDDLEWARE = [
    "punchcard.interfaces.api.request_ids.RequestIds",
    "punchcard.project.telemetry.Traces",
    "punchcard.interfaces.api.request_lines.RequestLines",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
]
ROOT_URLCONF = "punchcard.project.urls"
WSGI_APPLICATION = "punchcard.project.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(interfaces.__path__[0]) / "api" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": []},
    }
]

# ------------------------------------------------------------------------- database


def _direct() -> dict[str, Any]:
    """Return where PostgreSQL itself is."""
    if DATABASE_URL is not None:
        where = env.database(DATABASE_URL)
    else:
        address = PostgresServer(HOME).dsn()
        where = {
            "NAME": address["dbname"],
            "USER": address["user"],
            "HOST": address["host"],
            "PORT": str(address["port"]),
            "OPTIONS": {},
        }
    return _reached(
        where,
        # Django's default, None, forbids prepared statements. The ledger's few are
        # planned once a connection, not once a call: that is two thirds of the time
        # of a single command.
        prepare_threshold=5,
        options="-c plan_cache_mode=force_generic_plan",
    )


def _pooled(url: str) -> dict[str, Any]:
    """Return where its pooler is: see Note [A pooler lends a session]."""
    where = env.database(url, "PUNCHCARD_POOLER_URL")
    return _reached(where, prepare_threshold=None) | {
        "DISABLE_SERVER_SIDE_CURSORS": True
    }


def _reached(where: dict[str, Any], **how: Any) -> dict[str, Any]:
    defaults = {"application_name": "punchcard", "connect_timeout": "5", **how}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **where,
        "OPTIONS": defaults | where["OPTIONS"],
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # A journey opens the one transaction; a request never is one.
        "ATOMIC_REQUESTS": False,
    }


DATABASES = {"default": _direct()}
if POOLER_URL is not None:
    DATABASES = {"default": _pooled(POOLER_URL), direct.ALIAS: _direct()}

# ------------------------------------------------------------------------- time, words

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

# ------------------------------------------------------------------------- web

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
"""Bytes of a request's body; more is answered 413."""

STATIC_URL = "/static/"
# No collectstatic: the few files (Swagger UI, Redoc) are served from their packages.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
if BEHIND_HTTPS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_SSL_REDIRECT = True
    # Who looks after the process asks it directly.
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SILENCED_SYSTEM_CHECKS = [
    # The pages that a browser shows forbid frames by their own policy.
    "security.W002",
    # Nobody is known by a cookie, so nobody else's page can use one.
    "security.W003",
    # Other names of the same domain are not ours to decide about.
    "security.W005",
    "security.W021",
]

# ------------------------------------------------------------------------- people

AUTH_USER_MODEL = "access.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.NumericPasswordValidator"},
]


def _signing_key() -> str:
    """Take the key of the tokens from the environment, or derive one of its own."""
    given = env.optional("PUNCHCARD_JWT_SIGNING_KEY")
    if given is None:
        derived = hmac.digest(SECRET_KEY.encode(), b"punchcard.jwt", hashlib.sha256)
        return derived.hex()
    if len(given) < 32:
        message = "PUNCHCARD_JWT_SIGNING_KEY is too short: 32 characters at least."
        raise env.EnvironmentMistake(message)
    return given


SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": _signing_key(),
    "ISSUER": "punchcard",
    "AUDIENCE": "punchcard-api",
    "ACCESS_TOKEN_LIFETIME": timedelta(
        minutes=env.number("PUNCHCARD_ACCESS_TOKEN_MINUTES", default=15, least=1)
    ),
    "REFRESH_TOKEN_LIFETIME": timedelta(
        days=env.number("PUNCHCARD_REFRESH_TOKEN_DAYS", default=30, least=1)
    ),
    # The clocks of two servers are never the same.
    "LEEWAY": 5,
    "USER_ID_CLAIM": "sub",
}

TRUSTED_PROXIES = env.networks("PUNCHCARD_TRUSTED_PROXIES")
"""Whose X-Forwarded-For is believed."""

# ------------------------------------------------------------------------- mail

_mail = env.mail("PUNCHCARD_MAIL_URL")
if _mail is None:
    # Nobody has said how to send: letters are files, to be read and tried out.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = HOME / "mail"
else:
    EMAIL_HOST = _mail["HOST"]
    EMAIL_PORT = _mail["PORT"]
    EMAIL_HOST_USER = _mail["USER"]
    EMAIL_HOST_PASSWORD = _mail["PASSWORD"]
    EMAIL_USE_TLS = _mail["STARTTLS"]
    EMAIL_USE_SSL = _mail["TLS"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("PUNCHCARD_MAIL_FROM", "punchcard@localhost")
MAIL_LINK = env.optional("PUNCHCARD_MAIL_LINK")
"""Address of the page that a letter leads to, with `{purpose}` and `{token}`."""

# ------------------------------------------------------------------------- background

TASK_SECONDS = env.number("PUNCHCARD_TASK_SECONDS", default=300, least=5)
"""What a task may take, but a slow one; after so long a dead worker's is another's.
What Celery is told else stands in `punchcard/interfaces/worker/terms.py`."""
UPLOAD_MAX_BYTES = env.number("PUNCHCARD_UPLOAD_MAX_MIB", default=256, least=1) * 2**20
"""How large the file of an import may be, packed as it is."""
_events_kept = env.number("PUNCHCARD_EVENTS_KEPT_DAYS", default=400)
EVENTS_KEPT = timedelta(days=_events_kept) if _events_kept else None
"""How long an event stands in the log; None: for ever."""
OUTBOX_KEPT = timedelta(
    days=env.number("PUNCHCARD_OUTBOX_KEPT_DAYS", default=7, least=1)
)
"""How long it is kept which post wrote which entries, once the event log has them."""
FLOWER_AUTH = env.optional("PUNCHCARD_FLOWER_AUTH")
"""Who may look at workers and tasks, `name:password`; None: one is made."""
# ------------------------------------------------------------------------- seals

SEALS = Path(env.text("PUNCHCARD_SEALS", str(HOME / "seals"))).resolve()
"""The folder that seals are written to."""
SEAL_KEY = env.optional("PUNCHCARD_SEAL_KEY")
"""The private key that signs them, in PEM; None: one is made and kept in the home."""
SEAL_KEPT_KEY = HOME / "seal_key"
"""Where it is kept."""

# ------------------------------------------------------------------------- the API

RATE_LIMIT = env.rate("PUNCHCARD_RATE_LIMIT", "6000/60")
"""What a credential may ask, in how many seconds; None: as much as it likes."""

REST_FRAMEWORK = {
    # The doors authenticate and authorise themselves.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Punchcard",
    "DESCRIPTION": (
        "The open-source loyalty and payments backend: points that are never lost, "
        "never counted twice, and always explained."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # The structs say all there is; the stock hook would take their enums apart.
    "POSTPROCESSING_HOOKS": [],
    "SCHEMA_PATH_PREFIX": "/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "deepLinking": True},
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "apiKey": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key: `sk_test_…` or `sk_live_…`.",
            },
            "accessToken": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": (
                    "What `POST /v1/auth/token` gives a person. One algorithm, issuer "
                    "and audience are accepted, as RFC8725 advises."
                ),
            },
        }
    },
}

# ------------------------------------------------------------------------- metrics


def _metrics_token() -> str | None:
    """Take the token from the environment; with one, several processes can count."""
    given = env.optional("PUNCHCARD_METRICS_TOKEN")
    if given is None:
        return None
    if len(given) < 16:
        message = "PUNCHCARD_METRICS_TOKEN is too short: 16 characters at least."
        raise env.EnvironmentMistake(message)
    folder = Path(env.text("PUNCHCARD_METRICS_FOLDER", str(HOME / "metrics")))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"PUNCHCARD_METRICS_FOLDER cannot be made: {error}."
        raise env.EnvironmentMistake(message) from error
    # The library looks for it when it is imported, which is later.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return given


METRICS_TOKEN = _metrics_token()
"""What who reads /metrics shows; None: there is nothing at that address."""

# ------------------------------------------------------------------------- log

LOGGING_CONFIG = "punchcard.project.logs.configure"
LOGGING = logs.plan(
    level=env.choice("PUNCHCARD_LOG", "INFO", logs.LEVELS),
    # Machines read what an installation says, people what they try out.
    style=env.choice(
        "PUNCHCARD_LOG_STYLE", "text" if EMBEDDED else "json", logs.STYLES
    ),
)
