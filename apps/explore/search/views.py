"""`/api/v1/search`: one question to all resources."""

import hashlib

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.parameters import Query, read_flag, read_format, read_words
from apps.common.http.problems import nearest, parameter_error
from apps.common.models.records import Fact, citable_models
from apps.common.models.row_names import choice_labels
from apps.common.models.search_conditions import clean_q
from apps.common.models.unknown_keys import no_record
from apps.common.openapi.parameters import CURSOR, LABELS, PAGE_SIZE, STRINGS, format_parameter
from apps.common.reading.answer_cache import CachedReads
from apps.common.reading.cursor import following_page
from apps.common.reading.order import read_size
from apps.common.resources.views import Tag
from apps.common.rules.territory import viewer_of
from apps.common.serializers.references import NAME_OF_RECORD
from apps.common.values.ngrams import END, every, ngrams, pattern, term_parameters
from apps.explore.search.matches import matches
from apps.explore.search.sql import CAP, PLACES, RANKS, FoundRow, SearchShape, run, searched
from apps.explore.search.suggestions import suggestions

TAG = Tag("explore", "Questions across all resources: search, network, statistics.")
LISTS = frozenset({"resource", *PLACES})
PARAMETERS = LISTS | {"q", "labels", "page_size", "cursor", "format"}
LONGEST = 200
MOST_WORDS = 8
SIGNER = signing.Signer(salt="apps.explore.search")
# Records that say something of a unit; they are hits of their own only if the request names their resource.
ONLY_IF_ASKED = frozenset({"unit-names", "identifiers"})


class SearchMatchSerializer(serializers.Serializer[object]):
    """Where a word of the search stands in a record."""

    field = serializers.CharField(
        help_text="`name`, `title`, `alias`, `pinyin`, `initials`, `slogan`, `summary`, `as_written` or `contribution`."
    )
    text = serializers.CharField(help_text="The name, reading or stretch of text in which the word stands.")
    start = serializers.IntegerField(min_value=0, help_text="Offset of the word's first character in `text`.")
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the word's last character.")
    of = serializers.CharField(allow_null=True, help_text="The name of which `text` is the pinyin or the initials.")


class SearchSuggestionSerializer(serializers.Serializer[object]):
    """A record that comes near the search."""

    resource = serializers.CharField(help_text="Resource to which the record belongs, such as `projects`.")
    key = serializers.CharField(help_text="Official code of a division; slug of anything else.")
    name = serializers.CharField(help_text=NAME_OF_RECORD)
    url = serializers.CharField(help_text="Address of the record, relative to the host.")


class SearchHitSerializer(SearchSuggestionSerializer):
    """A record that is found."""

    kind = serializers.CharField(allow_null=True, help_text="Kind of record within the resource, where it has kinds.")
    kind_label = serializers.CharField(
        required=False, allow_null=True, help_text="With `labels=true`: the label of `kind` in the language asked for."
    )
    state = serializers.ChoiceField(
        choices=Fact.State.choices,
        required=False,
        help_text="Whether the record is published, submitted or a draft. It is told to those who may see drafts.",
    )
    rank = serializers.ChoiceField(
        choices=[(rank, rank) for rank in RANKS],
        help_text="How it is found: by the whole name, by its beginning, by another name, within the name, or in text.",
    )
    score = serializers.IntegerField(
        min_value=1, max_value=len(RANKS), help_text="The rank as a number: the greater, the better."
    )
    matches = SearchMatchSerializer(many=True, help_text="Where each word stands.")


class SearchPageSerializer(serializers.Serializer[object]):
    """The answer to a search."""

    results = SearchHitSerializer(many=True, help_text="The records of the page, the best first.")
    next = serializers.CharField(allow_null=True, help_text="Address of the next page, or null on the last one.")
    next_cursor = serializers.CharField(
        allow_null=True, help_text="`cursor` of the next page, or null on the last one."
    )
    resources = serializers.DictField(
        child=serializers.IntegerField(min_value=1),
        help_text=f"How many records are found in each resource, counted up to {CAP}.",
    )
    capped = serializers.ListField(
        child=serializers.CharField(), help_text="Resources in which there are more records than were counted."
    )
    suggestions = SearchSuggestionSerializer(
        many=True, help_text="Where nothing is found: records whose names come near."
    )
    message = serializers.CharField(
        allow_null=True, help_text="Where nothing is found: this and what may be meant, in the language asked for."
    )


class SearchView(CachedReads, APIView):
    """Search over all resources."""

    costly = True

    @extend_schema(
        operation_id="search_records",
        summary="Search all resources",
        tags=[TAG.name],
        responses={200: SearchPageSerializer},
        parameters=[
            OpenApiParameter(
                "q",
                {"type": "string", "maxLength": LONGEST},
                required=True,
                description="Words that must all be found: Chinese (traditional or simplified), pinyin or initials.",
            ),
            OpenApiParameter(
                "resource",
                STRINGS,
                description="Resources to be searched; without it all but `unit-names` and `identifiers`.",
            ),
            OpenApiParameter(
                "district", STRINGS, description="Keys of `districts`: only records that lie in one of them."
            ),
            OpenApiParameter("street", STRINGS, description="Keys of `streets`: only records that lie in one of them."),
            LABELS,
            PAGE_SIZE,
            CURSOR,
            format_parameter(),
        ],
    )
    def get(self, request: Request) -> Response:
        """Find records by their names, other names, titles and texts, and say where each word stands.

        The whole name comes first, then the beginning of a name, another name, a part of a name, a text; among equals
        the shorter name. Of a very common word only a part is looked at; `capped` says in which resources.

        Drafts are found by those who may edit them, to whom `state` says what is one.
        """
        query = Query(request, PARAMETERS, LISTS)
        query.read(read_format)
        labels, terms, size = query.read(read_flag, "labels"), query.read(read_terms), query.read(read_size)
        resources = query.read(read_resources)
        places = {place: keys for place in PLACES if (keys := query.read(read_place, place))}
        position = query.read(read_cursor)
        query.check()
        viewer, territory = viewer_of(request.user)
        values: dict[str, object] = {**term_values(terms), **places, **territory, "limit": size + 1}
        values |= {f"after{at}": value for at, value in enumerate(position or ())}
        patterns = tuple(term_parameters(term)[1] is not None for term in terms)
        shape = SearchShape(resources, patterns, tuple(places), position is not None, viewer)
        counts, rows = run(shape, values)
        near = suggestions("".join(terms), resources, tuple(places), viewer, values) if not counts else []
        hits = [hit(row, resources, terms, labels) for row in rows[:size]]
        found = {
            resources[int(number)]: count for number, count in sorted(counts.items(), key=lambda item: int(item[0]))
        }
        answer = {
            "results": hits,
            **following_page(request, next_cursor(request, rows[size - 1]) if len(rows) > size else None),
            "resources": {resource: min(count, CAP) for resource, count in found.items()},
            "capped": [resource for resource, count in found.items() if count > CAP],
            "suggestions": [reference(*item) for item in near],
            "message": None if counts else message(near),
        }
        return Response(answer)


def reference(resource: str, key: str, name: str) -> dict[str, str]:
    """Return a record as others point at it."""
    return {"resource": resource, "key": key, "name": name, "url": f"{settings.API_ROOT}/{resource}/{key}"}


def hit(row: FoundRow, resources: tuple[str, ...], terms: list[str], labels: bool) -> dict[str, object]:
    """Return one hit from a row of the statement."""
    rank, _length, number, key, details = row
    resource, kind = resources[number], details.get("kind")
    found: dict[str, object] = {**reference(resource, key, details["name"]), "kind": kind}
    if labels:
        found["kind_label"] = choice_labels(searched()[resource], "kind").get(kind) if kind is not None else None
    if "state" in details:
        found["state"] = details["state"]
    ranked = {"rank": RANKS[rank], "score": len(RANKS) - rank}
    return {**found, **ranked, "matches": matches(terms, resource, details)}


def message(near: list[tuple[str, str, str]]) -> str:
    """Return the message of an answer without results."""
    if not near:
        return gettext("Nothing is found, and no name comes near.")
    names = "”, “".join(name for _resource, _key, name in near)
    return gettext("Nothing is found. Did you mean “%(names)s”?") % {"names": names}


def term_values(terms: list[str]) -> dict[str, str | None]:
    """Return the values of the statement that stand for the words."""
    values = {"exact_pattern": END + "".join(terms) + END, "prefix_pattern": END + "".join(terms)}
    found: dict[str, str | None] = {}
    for rank, piece in (("exact", values["exact_pattern"]), ("prefix", values["prefix_pattern"])):
        found |= {f"{rank}_tsquery": every(ngrams(piece)), f"{rank}_pattern": pattern(piece)}
    for at, term in enumerate(terms):
        found |= {f"tsquery{at}": term_parameters(term)[0], f"pattern{at}": pattern(term)}
    return found


def read_terms(request: Request) -> list[str]:
    """Return the normalised words of the search, each once."""
    text = request.query_params.get("q")
    if text is None:
        raise parameter_error("q", gettext("q is needed: the words to search for."))
    if len(text) > LONGEST:
        raise parameter_error("q", gettext("q has at most %(max)s characters.") % {"max": LONGEST})
    terms = list(dict.fromkeys(clean_q(text)))
    if not terms:
        raise parameter_error("q", gettext("There is nothing in “%(text)s” to search for.") % {"text": text})
    if len(terms) > MOST_WORDS:
        raise parameter_error("q", gettext("q has at most %(max)s words.") % {"max": MOST_WORDS})
    return terms


def read_resources(request: Request) -> tuple[str, ...]:
    """Return the resources to be searched, in their order."""
    known, wanted = searched(), read_words(request, "resource")
    for name in wanted:
        if name not in known:
            detail = gettext("“%(name)s” is not a resource that is searched.") % {"name": name[:100]}
            raise parameter_error("resource", detail + nearest(name[:100], known))
    return tuple(name for name in known if (name in wanted if wanted else name not in ONLY_IF_ASKED))


def read_place(request: Request, place: str) -> list[int]:
    """Return the ids of the places given by the filter of a name."""
    model = citable_models()[f"{place}s"]
    keys = read_words(request, place)
    ids = dict(model._default_manager.filter(code__in=keys).values_list("code", "pk")) if keys else {}
    if unknown := [key for key in keys if key not in ids]:
        raise parameter_error(place, no_record(model, unknown[0], request.user))
    return [ids[key] for key in keys]


def digest(request: Request) -> str:
    """Return a digest of the search for which a cursor is made, so that it serves no other."""
    kept = sorted(item for item in request.query_params.items() if item[0] not in ("cursor", "page_size", "labels"))
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:12]


def next_cursor(request: Request, row: FoundRow) -> str:
    """Return the cursor of the page behind a row."""
    return SIGNER.sign_object([digest(request), *row[:4]], compress=True)


def read_cursor(request: Request) -> list[object] | None:
    """Return the rank, length, resource and key behind which the page begins."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        made_for, *position = SIGNER.unsign_object(text)
    except (signing.BadSignature, ValueError) as error:
        raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
    if made_for != digest(request):
        raise parameter_error(
            "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
        )
    return list(position)
