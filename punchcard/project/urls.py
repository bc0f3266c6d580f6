"""Which door answers which address."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("punchcard.interfaces.api.urls")),
    path("", RedirectView.as_view(url="/docs")),
]

handler400 = "punchcard.interfaces.api.problems.bad_request"
handler403 = "punchcard.interfaces.api.problems.forbidden"
handler404 = "punchcard.interfaces.api.problems.not_found"
handler500 = "punchcard.interfaces.api.problems.unexpected"
