"""The API described by itself: the OpenAPI document, Swagger UI and Redoc."""

from __future__ import annotations

import json
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView

SCHEMA_URL = "/v1/openapi.json"

# The pages may load what we serve, and nothing from anybody else. Both viewers write
# styles and start-up scripts into the page, and Redoc searches in a worker.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; worker-src blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)


@lru_cache(maxsize=1)
def openapi_document() -> bytes:
    """Return the OpenAPI document; the same bytes as long as the code is the same."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    described = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(described, indent=2, ensure_ascii=False).encode() + b"\n"


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
