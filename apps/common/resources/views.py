"""The base of every resource's views, and its vocabularies."""

import json
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils import translation
from rest_framework.request import Request
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.common.files import exports
from apps.common.http import formats
from apps.common.http.codings import IDENTITY, coding_of, encoded
from apps.common.http.problem_answers import answer_problem
from apps.common.http.problems import NoRecordError
from apps.common.linked_data import jsonld
from apps.common.linked_data.rules import Kind
from apps.common.models.records import Citable, Record
from apps.common.models.slugs import RetiredSlug
from apps.common.models.unknown_keys import meant
from apps.common.reading import pages, read_request
from apps.common.reading.answer_cache import CachedReads, is_anonymous
from apps.common.reading.record_version import tag_of
from apps.common.resources.action_views import Actions
from apps.common.rules.territory import Reader
from apps.common.serializers.records import RecordSerializer


class Tag(NamedTuple):
    """A domain, under which the index and the document of the API group what belongs together."""

    name: str
    about: str
    title: str = ""  # its name for readers; without it the name with a capital


class RecordViewSet(CachedReads, Actions, ReadOnlyModelViewSet[Any]):
    """List and detail of one resource.

    A resource names its queryset, its serializers (`serializer_class` for lists, `detail_serializer_class`, which says
    more, for one record), its filters, the keys by which it is sorted, its tag and its terms in linked data.
    """

    # All viewsets by the name of their resource; `registry.register` fills it.
    resources: ClassVar[dict[str, type["RecordViewSet"]]] = {}

    queryset: Any
    filterset_class: Any
    serializer_class: type[RecordSerializer]
    detail_serializer_class: ClassVar[type[RecordSerializer]]
    sortable: ClassVar[dict[str, str]]
    default_sort: ClassVar[str]
    tag: ClassVar[Tag]
    linked: ClassVar[Kind]
    # Beside exports. A count is capped, and a search in one list takes what a page of it does: both are cheap.
    costly = frozenset({"known_at", "facets"})
    lookup_url_kwarg = "key"
    lookup_value_regex = "[^/]+"

    @property
    def is_of_one(self) -> bool:
        """Whether one record is read, and no list, nor what else hangs on a record."""
        return bool(self.action_map.get("get") == "retrieve")

    @property
    def lookup_field(self) -> str:  # type: ignore[override]
        """The column of the public key."""
        return str(self.queryset.model.key_field)

    def get_serializer_class(self) -> Any:
        """Return the serializer of answers: that of lists or that of single records."""
        return self.serializer_class if self.action == "list" else self.detail_serializer_class

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        # The document describes records with their labels.
        return {**context, "labels": True} if getattr(self, "swagger_fake_view", False) else context

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        return queryset.visible_to(self.request.user if self.request else None)

    def answer(self, request: HttpRequest) -> tuple[HttpResponseBase | None, str]:
        """Answer what everybody may read without going through Django REST framework, which costs more than the rest.

        Returns None for what has to go through it.
        """
        self.action = self.action_map.get("get", "")
        if self.action not in ("list", "retrieve"):
            return None, ""
        try:
            return self._read(request, None, "json")
        except Exception as error:
            if response := answer_problem(error, request):
                return response, ""
            raise

    def list(self, request: Request, *args: object, **kwargs: object) -> Any:
        """Give a page of the list."""
        return self._read(request, request.user)[0]

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> Any:
        """Give one record."""
        return self._read(request, request.user)[0]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Leave the format of lists and records to `formats`; Django REST framework knows of JSON alone."""
        if self.action in ("list", "retrieve"):
            return self.get_renderers()[0], "application/json"
        return super().perform_content_negotiation(request, force)

    def _read(self, request: HttpRequest | Request, user: Reader, form: str = "") -> tuple[HttpResponseBase, str]:
        """Return the answer, and the data version that it shows if that is known.

        `form` is the format that the headers ask for, where that has been found out already.
        """
        key = self.kwargs["key"] if self.action == "retrieve" else None
        question = read_request.ask(request, type(self), user, key)
        if not form or "format" in question.params:
            form = formats.choose(request, formats.LIST_FORMATS if key is None else formats.RECORD_FORMATS)
        if form in formats.EXPORTS:
            return exports.answer(request, question, form), ""
        headers, record = {}, ""
        if key is not None:
            try:
                body, version, record = pages.detail(question)
            except Http404:
                if way := self._elsewhere(request, key, user):
                    return way, ""
                raise NoRecordError(meant(self.queryset.model, key, user)) from None
        else:
            page = pages.page(question)
            body, version = page.body, page.version
            links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", page.next), ("prev", page.previous)) if url]
            headers = {"Link": ", ".join(links)} if links else {}
        if form == "jsonld":
            body = self._linked(request, body)
            headers["Vary"] = "Accept-Encoding"
            if (coding := coding_of(request)) != IDENTITY:
                headers["Content-Encoding"], body = coding, encoded(body, coding)
        if record:
            headers["ETag"] = record if is_anonymous(request) else tag_of(body, record)
        return HttpResponse(body, content_type=formats.FORMATS[form].content_type, headers=headers), version

    def _linked(self, request: HttpRequest | Request, body: bytes) -> bytes:
        """Return a record or a page as linked data."""
        kinds = {resource: viewset.linked for resource, viewset in self.resources.items()}
        base = request.build_absolute_uri("/").rstrip("/")
        language = translation.to_locale(translation.get_language() or settings.LANGUAGE_CODE).replace("_", "-")
        site = jsonld.Site(base, kinds, settings.DATA_LICENSE_URL, language)
        say = jsonld.to_jsonld if self.action == "retrieve" else jsonld.to_jsonld_list
        return _dump(say(self.queryset.model.resource, json.loads(body), site))

    def _elsewhere(self, request: HttpRequest | Request, key: str, user: Reader) -> HttpResponseBase | None:
        """Return the way to the record that a key leads to, though it is not its own; None where there is none."""
        model = self.queryset.model
        if not issubclass(model, Record) or "\0" in key or not (slug := RetiredSlug.successor_of(model, key, user)):
            return None
        response = to_record(request, model, slug, permanent=True)
        response["Cache-Control"] = "no-cache"  # a merge can be undone
        return response

    @classmethod
    def plain_list(cls) -> Any:
        """Return the rows of the list without parameters, as everybody sees it."""
        return cls.at_time(cls.queryset.visible_to(None), None, frozenset())

    @classmethod
    def at_time(cls, rows: Any, as_of: Any, asked: frozenset[str]) -> Any:
        """Narrow a list to what was true on a day, if one is given. `asked` are the filters that are used."""
        return rows.valid_on(as_of) if as_of else rows


def to_record(request: HttpRequest | Request, model: type[Citable], key: str, *, permanent: bool) -> HttpResponseBase:
    """Return the way to a record: 301 or 307, with the parameters of the request."""
    query = request.META.get("QUERY_STRING", "")
    address = f"{settings.API_ROOT}/{model.resource}/{key}" + (f"?{query}" if query else "")
    if permanent:
        return HttpResponsePermanentRedirect(address)
    return HttpResponse(status=307, headers={"Location": address, "Cache-Control": "no-cache"})


def _dump(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def choice_fields(model: type[Model]) -> list[Any]:
    """Return the columns of a model whose values are a vocabulary."""
    return [field for field in model._meta.fields if field.choices]


def vocabulary(model: type[Citable], field: Any) -> dict[str, Any]:
    """Return one vocabulary: its values with their labels in each language."""
    values = []
    for value, _label in field.choices:
        labels = {}
        for code, _name in settings.LANGUAGES:
            with translation.override(code):
                labels["zh-Hans" if code == "zh-hans" else code] = str(dict(field.choices)[value])
        values.append({"value": value, "labels": labels})
    name = f"{model.resource}.{field.name}"
    return {
        "name": name,
        "resource": model.resource,
        "field": field.name,
        "description": str(field.help_text),
        "values": values,
        "url": f"{settings.API_ROOT}/vocabularies/{name}",
    }
