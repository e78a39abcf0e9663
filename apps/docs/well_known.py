"""Small files under fixed addresses, by which programs find what is here: the catalogue of APIs, and whom to tell."""

import json

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import View

# RFC 9727, RFC 9264
CATALOG = "/.well-known/api-catalog"
LINKSET = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
# What describes the API, as the header `Link` of its index has it (RFC 8631).
LINKS = (
    f'<{settings.API_ROOT}/openapi.json>; rel="service-desc"; type="{OPENAPI}", '
    f'</docs/>; rel="service-doc"; type="text/html", <{CATALOG}>; rel="api-catalog"'
)


class CatalogView(View):
    """The APIs of this host, each with its description and its documentation."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the catalogue; addresses in it are absolute."""
        at = request.build_absolute_uri
        root = at(settings.API_ROOT)
        docs = [{"href": at(address), "type": "text/html"} for address in ("/docs/", "/docs/guide")]
        linkset = [
            {"anchor": at(CATALOG), "item": [{"href": root}, {"href": at("/reconcile")}]},
            {
                "anchor": root,
                "service-desc": [{"href": at(f"{settings.API_ROOT}/openapi.json"), "type": OPENAPI}],
                "service-doc": docs,
                "service-meta": [{"href": at("/llms.txt"), "type": "text/markdown"}],
            },
            {
                "anchor": at("/reconcile"),
                "service-doc": [{"href": at("/reconcile/features"), "type": "text/html"}],
            },
        ]
        headers = {"Link": f'<{at(CATALOG)}>; rel="api-catalog"', "Access-Control-Allow-Origin": "*"}
        return HttpResponse(json.dumps({"linkset": linkset}), content_type=LINKSET, headers=headers)


class SecurityView(View):
    """Whom to tell of a weakness (RFC 9116), where the operator has said so."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the contacts, and until when they hold."""
        contacts, until = settings.SECURITY_CONTACT, settings.SECURITY_EXPIRES
        if not (contacts and until):
            raise Http404
        lines = [
            *(f"Contact: {contact}" for contact in contacts),
            f"Expires: {until.isoformat(timespec='seconds')}",
            "Preferred-Languages: zh, en",
            f"Canonical: {request.build_absolute_uri(request.path)}",
        ]
        return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


urlpatterns = [
    path("api-catalog", CatalogView.as_view(), name="api-catalog"),
    path("security.txt", SecurityView.as_view(), name="security-txt"),
]
