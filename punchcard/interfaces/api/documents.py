"""The API described by itself: the OpenAPI document, Swagger UI and Redoc."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView

from .bounds import add_bounds
from .examples import problem_examples
from .headers import HEADERS

SCHEMA_URL = "/v1/openapi.json"

# The pages may load what we serve, and nothing from anybody else. Both viewers write
# styles and start-up scripts into the page, and Redoc searches in a worker.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; worker-src blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)


# Where the document comes from is where the API is: a browser fills it in, and whoever
# makes a client says it.
_SERVERS = [
    {
        "url": "/",
        "description": "This server. Its keys say whether it is production or a test.",
        "x-internal": False,
    }
]
_TAGS = {
    "health": "Whether it lives, whether it is ready, whether a key is good.",
    "members": "Who can hold points, and what is known of them.",
    "auth": "How people sign in, and look after their passwords.",
    "users": "Who works with the program, in which role, at which places.",
    "API keys": "What machines call with.",
    "audit": "Who changed what, and when. Its rows never change.",
    "events": "What happened, in order, for those who must hear of it.",
    "jobs": "Imports and exports: asked for, and done meanwhile.",
    "program": "What the program is like: its wallets, its places.",
    "accounts": "What a member holds in one wallet: balances, entries, lots, holds.",
    "ledger commands": "What moves points. A key makes every retry safe.",
    "orders": "What was bought and what came back: what it earned, and why.",
    "activities": "What members do beside buying.",
    "test": "The clock of a test program.",
}


@lru_cache(maxsize=1)
def openapi_document() -> bytes:
    """Return the OpenAPI document; the same bytes as long as the code is the same."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    described = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    document = {
        "openapi": described["openapi"],
        "info": {
            **described["info"],
            "contact": {"name": "The authors of Punchcard"},
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": _SERVERS,
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": described["paths"],
        "components": {
            **described["components"],
            "examples": _referred_to(problem_examples(), described["paths"]),
            "headers": _referred_to(HEADERS, described["paths"]),
        },
    }
    add_bounds(document)
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _referred_to(
    components: Mapping[str, Any], paths: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the components that the operations name; others would say nothing."""
    text = json.dumps(paths)
    return {
        name: component for name, component in components.items() if f'/{name}"' in text
    }


def openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Answer `/v1/openapi.json`."""
    return HttpResponse(openapi_document(), content_type="application/json")


class SwaggerUi(SpectacularSwaggerView):
    """`/docs`: read the API, and try it."""

    url = SCHEMA_URL

    def dispatch(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        """Answer the page."""
        return _ours_only(super().dispatch(request, *args, **kwargs))


class Redoc(SpectacularRedocView):
    """`/redoc`: read the API."""

    url = SCHEMA_URL
    template_name = "redoc.html"

    def dispatch(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        """Answer the page."""
        return _ours_only(super().dispatch(request, *args, **kwargs))


def _ours_only(response: HttpResponseBase) -> HttpResponseBase:
    response.headers["Content-Security-Policy"] = _POLICY
    return response
