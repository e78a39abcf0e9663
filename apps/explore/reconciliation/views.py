"""The Reconciliation Service API 0.2 of the W3C community group at /reconcile: a spreadsheet's names meet records.

OpenRefine and others ask here which records the names of a column mean. Everybody may ask, from any web page: the
answers hold published records only, the same for everybody (drafts are matched for nobody, whatever he may see), and
nothing that the caller could be known by is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import cast

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_exempt
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.pages import TranslatedPage, frame
from apps.common.http.parameters import given_twice
from apps.common.http.problems import ParameterError, nearest, parameter_error
from apps.common.reading.places import Costly, in_a_place, is_costly
from apps.common.values.pinyin import normalise_term
from apps.explore.reconciliation.batches import BATCH_SIZE, TEXT_LIMIT, FormParser, read_batch, read_extension
from apps.explore.reconciliation.entities import (
    PROPERTIES,
    TYPES,
    Candidate,
    describe,
    kind_label,
    load,
    load_keys,
    type_name,
)
from apps.explore.reconciliation.matching import match, suggest
from apps.explore.reconciliation.scoring import Scored

PREVIEW_SIZE = {"width": 420, "height": 240}
SUGGESTIONS = 10
CURSOR_LIMIT = 1000
# Parameters of OpenRefine that the specification of suggest services does not name; they have no effect here.
OPENREFINE = {"spell", "exact", "scoring", "prefixed", "type_strict", "lang", "limit", "all_types"}

FEATURES: dict[str, str | Promise] = {
    "name": _("How like the record's own name is to the query: 100 is the same name."),
    "alias": _("How like another name of the record is: a short, former or official one, or that of a predecessor."),
    "pinyin": _("How like the names sound: pinyin, initials, and characters that are read alike."),
    "division": _("Whether the record lies in the district, street or neighbourhood that the query names."),
    "kind": _("Whether the record is of the kind that the query names."),
    "identifier": _("Whether the record bears the identifier of another register that the query gives: 100, or 0."),
    "date": _("Whether the record existed at the date that the query names, or exists today: 50 is perhaps."),
}


class OpenView(APIView):
    """Base of all addresses: any web page may ask, no caller is identified, unknown parameters are refused."""

    schema = None  # the specification describes it, and the manifest names its parts
    authentication_classes = []
    permission_classes = []
    only_reads = True  # a POST is a question, too, and is counted as a read
    parser_classes = [FormParser]
    known: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    costly: Costly = False

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer in a place, where that is costly."""
        asks = request.method == "POST" or is_costly(self.costly, request.META.get("QUERY_STRING", ""), "")
        if not (self.costly and asks):
            return super().dispatch(request, *args, **kwargs)
        return in_a_place(request, lambda: super(OpenView, self).dispatch(request, *args, **kwargs))

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        refuse_parameters(request.query_params.lists(), self.known, self.lists)


def refuse_parameters(
    given: Iterable[tuple[str, Sequence[str]]], known: frozenset[str], lists: frozenset[str] = frozenset()
) -> None:
    """Raise ParameterError for parameters that are not known, or given twice though they are no lists.

    Empty ones are what widgets send.
    """
    errors = []
    for name, values in given:
        if name not in known:
            detail = gettext("There is no parameter “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            errors.append({"parameter": name[:100], "code": "unknown_parameter", "detail": detail})
        elif len(values) > 1 and name not in lists:
            errors.append({"parameter": name, "code": "invalid_parameter", "detail": given_twice(name)})
    if errors:
        raise ParameterError(errors)


class ReconcileView(OpenView):
    """The endpoint: the manifest, batches of queries, values of records."""

    known = frozenset({"queries", "extend"})
    costly = known

    def get(self, request: Request) -> Response:
        """Answer a batch or a request for values in the address; without either, give the manifest."""
        if not request.query_params:
            return Response(manifest(request))
        return self._answer(request.query_params)

    def post(self, request: Request) -> Response:
        """Answer a batch or a request for values in a form."""
        form = cast("dict[str, str]", request.data)
        refuse_parameters(((name, [value]) for name, value in form.items()), self.known)
        return self._answer(form)

    def _answer(self, given: Mapping[str, str]) -> Response:
        names = sorted(self.known & given.keys())
        if len(names) != 1:
            detail = gettext("Give either “queries” or “extend”.")
            raise ParameterError([{"parameter": "queries", "code": "invalid_parameter", "detail": detail}])
        if names == ["extend"]:
            return Response(extended(given["extend"]))
        return Response(reconciled(given["queries"]))


def manifest(request: Request) -> dict[str, object]:
    """Return the manifest of the service; its addresses are on the host that was called."""
    origin = request.build_absolute_uri("/").rstrip("/")

    def service(service_path: str) -> dict[str, str]:
        return {"service_url": origin, "service_path": service_path}

    return {
        "versions": ["0.1", "0.2"],
        "name": gettext("partybuild: units, divisions and alliances"),
        # An identifier behind it is the address of its record.
        "identifierSpace": f"{origin}{settings.API_ROOT}/",
        "schemaSpace": f"{origin}{settings.API_ROOT}/openapi.json",
        "documentation": f"{origin}/reconcile/features",
        "serviceVersion": settings.SPECTACULAR_SETTINGS["VERSION"],
        "logo": origin + static("partybuild/icon.svg"),
        "defaultTypes": [a_type(name) for name in TYPES],
        "view": {"url": f"{origin}{settings.API_ROOT}/{{{{id}}}}"},
        "feature_view": {"url": f"{origin}/reconcile/features#{{{{id}}}}"},
        "preview": {"url": f"{origin}/reconcile/preview?id={{{{id}}}}", **PREVIEW_SIZE},
        "suggest": {name: service(f"/reconcile/suggest/{name}") for name in ("entity", "type", "property")},
        "extend": {"propose_properties": service("/reconcile/properties"), "property_settings": []},
        "batchSize": BATCH_SIZE,
    }


def a_type(name: str) -> dict[str, str]:
    """Return a type as the protocol writes it."""
    return {"id": name, "name": type_name(name)}


def a_property(name: str) -> dict[str, str]:
    """Return a property as the protocol writes it."""
    return {"id": name, "name": str(PROPERTIES[name].label)}


def reconciled(text: str) -> dict[str, object]:
    """Return the answers to a batch of queries."""
    batch = read_batch(text)
    found = match([(query.wanted, query.types) for query in batch.values()], timezone.localdate())
    return {
        name: {"result": [candidate(record, scored) for record, scored in ranked[: query.limit]]}
        for (name, query), ranked in zip(batch.items(), found, strict=True)
    }


def candidate(record: Candidate, scored: Scored) -> dict[str, object]:
    """Return a candidate as the protocol writes it."""
    return {
        "id": record.entity.id,
        "name": record.entity.name,
        "description": describe(record),
        "type": [a_type(record.entity.type)],
        "score": scored.score,
        "match": scored.match,
        "features": [{"id": name, "value": value} for name, value in scored.features.items()],
    }


def extended(text: str) -> dict[str, object]:
    """Return the answer to a request for values of records."""
    request = read_extension(text)
    records = load_keys(request.ids)
    return {
        "meta": [
            {**a_property(name), **({"type": a_type(refers_to)} if (refers_to := PROPERTIES[name].refers_to) else {})}
            for name in request.properties
        ],
        "rows": {
            identifier: {name: values_of(records.get(identifier), name) for name in request.properties}
            for identifier in request.ids
        },
    }


def values_of(record: Candidate | None, name: str) -> list[dict[str, str]]:
    """Return the values of a property of a record; none where there is no such record or it has no such property."""
    known = PROPERTIES[name]
    if record is None or known.values is None or record.entity.type not in known.types:
        return []
    return known.values(record)


# Suggestions --------------------------------------------------------------------------------------------------------


class SuggestView(OpenView):
    """Completes what somebody types."""

    lists = frozenset({"type"})
    known = lists | {"prefix", "cursor"} | OPENREFINE

    def get(self, request: Request) -> Response:
        """Give the suggestions for `prefix`, without the first `cursor` ones."""
        prefix = request.query_params.get("prefix")
        if prefix is None or len(prefix) > TEXT_LIMIT:
            detail = gettext("A text of at most %(limit)s characters is expected.") % {"limit": TEXT_LIMIT}
            raise parameter_error("prefix", detail)
        cursor = request.query_params.get("cursor") or "0"
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 4 and int(cursor) <= CURSOR_LIMIT):
            detail = gettext("A whole number from 0 to %(limit)s is expected.") % {"limit": CURSOR_LIMIT}
            raise parameter_error("cursor", detail)
        return Response({"result": self.suggestions(prefix.strip(), int(cursor), self.read_types(request))})

    def read_types(self, request: Request) -> list[str]:
        """Return the types that are meant; all where none is named."""
        names = [name for name in ",".join(request.query_params.getlist("type")).split(",") if name]
        for name in names:
            # OpenRefine sends Freebase's own types where no other was chosen.
            if name not in TYPES and not name.lstrip("/").startswith("type/"):
                detail = gettext("“%(word)s” is not one of the values.") % {"word": name[:40]}
                raise parameter_error("type", detail + nearest(name[:40], TYPES))
        return [name for name in TYPES if name in names] or list(TYPES)

    def suggestions(self, prefix: str, skipped: int, types: Sequence[str]) -> Sequence[Mapping[str, object]]:
        """Return the suggestions."""
        raise NotImplementedError


class SuggestEntityView(SuggestView):
    """Suggests records by the beginning of a name, by a part of it, or by their identifier."""

    costly = frozenset({"prefix"})

    def suggestions(self, prefix: str, skipped: int, types: Sequence[str]) -> Sequence[Mapping[str, object]]:
        found = suggest(prefix, types, skipped + SUGGESTIONS)[skipped:]
        by_type: dict[str, list[int]] = {}
        for name, pk in found:
            by_type.setdefault(name, []).append(pk)
        loaded = load(by_type)
        records = [loaded[name][pk] for name, pk in found if pk in loaded[name]]
        return [
            {
                "id": record.entity.id,
                "name": record.entity.name,
                "description": describe(record),
                "notable": [a_type(record.entity.type)],
            }
            for record in records
        ]


def is_typed(prefix: str, *texts: str) -> bool:
    """Return whether one of some texts holds the typed prefix."""
    return any(normalise_term(prefix) in normalise_term(text) for text in texts)


class SuggestTypeView(SuggestView):
    """Suggests types."""

    def suggestions(self, prefix: str, skipped: int, types: Sequence[str]) -> Sequence[Mapping[str, object]]:
        found = (a_type(name) for name in TYPES if is_typed(prefix, name, type_name(name)))
        return list(islice(found, skipped, skipped + SUGGESTIONS))


class SuggestPropertyView(SuggestView):
    """Suggests properties, those that records of the given types have."""

    def suggestions(self, prefix: str, skipped: int, types: Sequence[str]) -> Sequence[Mapping[str, object]]:
        found = (
            {**a_property(name), "description": str(known.help_text)}
            for name, known in PROPERTIES.items()
            if set(types) & set(known.types) and is_typed(prefix, name, str(known.label))
        )
        return list(islice(found, skipped, skipped + SUGGESTIONS))


class PropertiesView(OpenView):
    """Proposes the properties whose values records of a type have."""

    known = frozenset({"type", "limit"})

    def get(self, request: Request) -> Response:
        """Give the properties of `type`, `limit` of them at most."""
        name = request.query_params.get("type", "")
        if name and name not in TYPES:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": name[:40]}
            raise parameter_error("type", detail + nearest(name[:40], TYPES))
        limit = request.query_params.get("limit") or str(len(PROPERTIES))
        if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and int(limit)):
            raise parameter_error("limit", gettext("A positive whole number is expected."))
        known = [key for key, one in PROPERTIES.items() if one.values and (not name or name in one.types)]
        return Response(
            {"type": name, "limit": int(limit), "properties": [a_property(key) for key in known][: int(limit)]}
        )


# Pages --------------------------------------------------------------------------------------------------------------


# The one page that others may frame: the protocol has clients show it in an iframe (frame-ancestors, X-Frame-Options).
# It holds nothing that a click could do but one link, which opens elsewhere, so that there is nothing to hijack.
@method_decorator([xframe_options_exempt, csp_replace({"frame-ancestors": ["*"]})], name="dispatch")
class PreviewView(TranslatedPage):
    """A record in a few lines."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the record that `id` names."""
        identifier = request.GET.get("id", "")[:TEXT_LIMIT]
        record = load_keys([identifier]).get(identifier)
        if record is None:
            raise Http404
        around = [place for place in record.entity.places if place.id != record.entity.id]
        content = {
            "record": record,
            "type": type_name(record.entity.type),
            "kind": kind_label(record.entity),
            "around": around,
            "others": (*record.entity.aliases, *record.entity.former),
            "url": f"{settings.API_ROOT}/{identifier}",
        }
        return render(request, "explore/preview.html", content)


class FeaturesView(TranslatedPage):
    """The page that explains the features of candidates, and the properties that can be asked for."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        content = {"features": FEATURES, "properties": PROPERTIES, "types": {name: type_name(name) for name in TYPES}}
        return render(request, "explore/features.html", content | frame(request))


urlpatterns = [
    path("suggest/entity", SuggestEntityView.as_view(), name="reconcile-suggest-entity"),
    path("suggest/type", SuggestTypeView.as_view(), name="reconcile-suggest-type"),
    path("suggest/property", SuggestPropertyView.as_view(), name="reconcile-suggest-property"),
    path("properties", PropertiesView.as_view(), name="reconcile-properties"),
    path("preview", PreviewView.as_view(), name="reconcile-preview"),
    path("features", FeaturesView.as_view(), name="reconcile-features"),
]
