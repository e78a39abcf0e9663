"""`/statistics`: what is on record, counted by up to two dimensions, and what sources report beside it."""

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.parameters import Query, read_day, read_flag, read_format, read_words
from apps.common.http.problems import nearest, parameter_error
from apps.common.models.records import Citable, citable_models
from apps.common.models.row_names import choice_labels
from apps.common.models.targets import Target
from apps.common.models.unknown_keys import no_record
from apps.common.openapi.parameters import DAY, LABELS, STRINGS, format_parameter
from apps.common.reading.answer_cache import CachedReads
from apps.common.resources.registry import viewsets
from apps.common.serializers.targets import load_targets
from apps.common.values.dates import EDTFError, bounds
from apps.evidence.models import Figure
from apps.evidence.sums.summary import subject_of
from apps.explore.statistics.counts import (
    DIMENSIONS,
    SPANNING,
    UNKNOWN,
    Countable,
    Group,
    Scope,
    SourcedValue,
    all_countables,
    count,
    countables,
)
from apps.explore.statistics.figures import Entry, entries, figures_of
from apps.explore.statistics.serializers import StatisticsSerializer
from apps.registry.models import District, Street

MAX_DIMENSIONS = 2
# A nationwide cube is megabytes that nobody draws (and slow whatever it is read from): such shapes are refused.
MAX_GROUPS = 1000
MAX_FIGURES = 2000
LISTS = frozenset({"by", "resource", "district", "street", "year", "measure"})
PARAMETERS = LISTS | {"after", "before", "as_of", "counts_only", "labels", "format"}


class StatisticsRequest(NamedTuple):
    """The parameters of a request, read and checked."""

    by: list[str]
    items: list[Countable]
    subjects: list[Countable]
    scope: Scope
    measures: list[str]
    labels: bool
    counts_only: bool
    filters: dict[str, object]


class StatisticsView(CachedReads, APIView):
    """Counts and reported figures."""

    costly = True

    @extend_schema(
        operation_id="get_statistics",
        summary="Count what is on record, beside what sources report",
        tags=["explore"],
        responses=StatisticsSerializer,
        parameters=[
            OpenApiParameter(
                "by",
                STRINGS,
                description="One or two dimensions: " + ", ".join(f"`{each}`" for each in DIMENSIONS) + ".",
            ),
            OpenApiParameter(
                "resource",
                STRINGS,
                description="Resources to count; without it all that have the dimensions and what the filters ask"
                " about.",
            ),
            OpenApiParameter("district", STRINGS, description="Codes of districts."),
            OpenApiParameter("street", STRINGS, description="Codes of streets."),
            OpenApiParameter("year", STRINGS, description="Years in which dates lie for certain."),
            OpenApiParameter("after", str, description="Dates lie for certain at or after this one (EDTF)."),
            OpenApiParameter("before", str, description="Dates lie for certain at or before this one (EDTF)."),
            OpenApiParameter(
                "as_of",
                DAY,
                description="Count what was valid on this day, such as 2013-06-27. Figures state their own periods.",
            ),
            OpenApiParameter("measure", STRINGS, description="Measures of the figures."),
            OpenApiParameter("counts_only", bool, default=False, description="Leave the figures out."),
            LABELS,
            format_parameter(),
        ],
    )
    def get(self, request: Request) -> Response:
        """Count what is on record by up to two dimensions, and give what sources report beside it.

        Only published records are counted. A record is in exactly one group, so that groups add up to totals. It counts
        for the street of the neighbourhood that it names, else for the street that it names, and for the district of
        that street, else for the district that it names; what names no division (a claim, a membership) counts where
        that counts on which it hangs. A record of an abolished street stays with that street. Divisions are those of
        the newest edition, or of the day of `as_of`; neighbourhoods without estates.

        A date that may lie in several years counts under `spanning`, one of which nothing is said under `unknown`;
        neither is in an answer narrowed by `year`, `after` or `before`.

        Figures are grouped by their subjects, and by the year of their own periods. They are added up only where
        `/figures/summary` would add them; where not, they stand apart with the reason. Targets are in no sum.

        Everybody is told the same, whatever else he may see: drafts are not counted.

        More than 1,000 groups or 2,000 figures are refused: narrow by `district`, `street` or `measure`.
        """
        asked = read_statistics_request(request)
        found = count(asked.items, asked.by, asked.scope, MAX_GROUPS * len(asked.items) + 1)
        if len(found) > MAX_GROUPS:
            detail = gettext("There are more than %(limit)s groups; narrow them by district or street.")
            raise parameter_error("by", detail % {"limit": MAX_GROUPS})
        reported = [] if asked.counts_only else reported_on(asked)
        return Response(StatisticsSerializer(StatisticsAnswer(asked, found, reported).content()).data)


# The request ---------------------------------------------------------------------------------------------------------


def read_statistics_request(request: Request) -> StatisticsRequest:
    """Read the parameters, or raise ParameterError."""
    query = Query(request, PARAMETERS, LISTS)
    query.read(read_format)
    by, resources = query.read(read_dimensions), query.read(read_known, "resource", all_countables())
    districts, streets = query.read(read_keys, "district", District), query.read(read_keys, "street", Street)
    as_of, years = query.read(read_day, "as_of"), query.read(read_years)
    after, before = query.read(read_bound, "after"), query.read(read_bound, "before")
    measures = query.read(read_measures)
    labels, counts_only = query.read(read_flag, "labels"), query.read(read_flag, "counts_only")
    query.check()
    scope = Scope(
        as_of=as_of,
        districts=frozenset(districts.values()) if districts else None,
        streets=frozenset(streets.values()) if streets else None,
        years=tuple(years),
        after=after,
        before=before,
    )
    wanted = [*by, *scope.needs]
    refuse_lacking(resources, wanted)
    items = countables(wanted, resources)
    if not items:
        detail = gettext("No resource has all of these: %(names)s.") % {"names": ", ".join(dict.fromkeys(wanted))}
        raise parameter_error("by", detail)
    # The year of a figure is that of its own period, whether its subject has a date or not.
    subjects = countables([name for name in wanted if name != "year"], resources)
    filters = {
        "by": by,
        "resource": [item.resource for item in items],
        "district": list(districts),
        "street": list(streets),
        "year": list(scope.years),
        "after": request.query_params.get("after"),
        "before": request.query_params.get("before"),
        "measure": measures,
    }
    return StatisticsRequest(by, items, subjects, scope, measures, labels, counts_only, filters)


def read_dimensions(request: Request) -> list[str]:
    """Return the dimensions by which is counted."""
    by = read_known(request, "by", DIMENSIONS)
    if len(by) > MAX_DIMENSIONS:
        raise parameter_error(
            "by", gettext("At most %(limit)s dimensions can be asked for.") % {"limit": MAX_DIMENSIONS}
        )
    return by


def read_known(request: Request, name: str, known: Iterable[str]) -> list[str]:
    """Return the words of a parameter, each of which is known and stands once."""
    words = read_words(request, name)
    for word in words:
        if name == "resource" and word in viewsets() and word not in known:
            raise parameter_error(name, gettext("“%(word)s” are not counted here.") % {"word": word})
        if word not in known:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": word[:100]}
            raise parameter_error(name, detail + nearest(word[:100], known))
        if words.count(word) > 1:
            raise parameter_error(name, gettext("“%(name)s” is given more than once.") % {"name": word})
    return words


def refuse_lacking(resources: list[str], wanted: list[str]) -> None:
    """Raise ParameterError if a resource lacks a dimension by which it is to be counted or narrowed."""
    for name in resources:
        for dimension in wanted:
            if not all_countables()[name].source(dimension):
                having = [item.resource for item in countables(wanted)]
                detail = gettext("“%(resource)s” have no %(dimension)s.") % {"resource": name, "dimension": dimension}
                raise parameter_error("resource", detail + nearest(name, having))


def read_keys(request: Request, name: str, model: type[Citable]) -> dict[str, int]:
    """Return the divisions of a parameter: primary keys by code."""
    words = read_words(request, name)
    if not words:
        return {}
    rows = model._default_manager
    found = dict(rows.filter(code__in=words).values_list("code", "pk"))
    for word in words:
        if word not in found:
            detail = no_record(model, word, request.user)
            near = rows.filter(code__startswith=word[:4]).values_list("code", flat=True)[:1000] if word else []
            raise parameter_error(name, detail + nearest(word[:100], near))
    return found


def read_years(request: Request) -> list[int]:
    """Return the years of the parameter."""
    words = read_words(request, "year")
    for word in words:
        if not re.fullmatch(r"[0-9]{4}", word) or not 1 <= int(word) <= 9998:
            raise parameter_error("year", gettext("A year is expected, such as 2013."))
    return sorted({int(word) for word in words})


def read_bound(request: Request, name: str) -> date | None:
    """Return the day from which (`after`) or up to which (`before`) dates are to lie."""
    value = request.query_params.get(name)
    if value is None:
        return None
    try:
        earliest, latest = bounds(value)
    except EDTFError as error:
        detail = gettext("“%(value)s” is not valid: %(reason)s.") % {"value": value[:64], "reason": error.reason}
        raise parameter_error(name, detail) from error
    bound = earliest if name == "after" else latest
    if bound is None:
        detail = gettext("“%(value)s” is open on the side that is compared.") % {"value": value[:64]}
        raise parameter_error(name, detail)
    return bound


def read_measures(request: Request) -> list[str]:
    """Return the measures of the parameter, each of which some published figure has."""
    if "measure" not in request.query_params:
        return []
    return read_known(
        request, "measure", set(Figure.objects.visible_to(None).values_list("measure", flat=True).distinct())
    )


def reported_on(asked: StatisticsRequest) -> list[Entry]:
    """Return the reported figures by group; raises ParameterError if they are too many for one answer."""
    figures = figures_of(asked.subjects, asked.scope, asked.measures, MAX_FIGURES)
    if len(figures) > MAX_FIGURES:
        detail = gettext(
            "There are more than %(limit)s figures; narrow them by district, street or measure, or ask for"
            " counts_only=true."
        )
        raise parameter_error("measure", detail % {"limit": MAX_FIGURES})
    return entries(figures, asked.by)


# The answer -----------------------------------------------------------------------------------------------------------


class StatisticsAnswer:
    """The content of the answer; the names of all records in it are looked up together."""

    def __init__(self, asked: StatisticsRequest, found: dict[Group, dict[str, int]], reported: list[Entry]) -> None:
        self.asked, self.found, self.reported = asked, found, reported
        keys = {key for group in (*found, *(entry.group for entry in reported)) for key in group}
        self.rows = {key: _row(key) for key in keys if key.value and key.source in citable_models()}
        subjects = {subject_of(figure) for entry in reported for figure in entry.figures}
        self.targets = load_targets({*self.rows.values(), *subjects}, None)

    def content(self) -> dict[str, object]:
        """Return the answer as the serializer reads it."""
        totals = {item.resource: 0 for item in self.asked.items}
        for counts in self.found.values():
            for resource, number in counts.items():
                totals[resource] += number
        groups = [
            {"by": self.by(group), "counts": self.found[group]}
            for group in sorted(self.found, key=self.rank)
            if self.asked.by
        ]
        reported = sorted(self.reported, key=lambda entry: (self.rank(entry.group), entry.measure, entry.unit))
        return {
            "as_of": self.asked.scope.as_of,
            "filters": self.asked.filters,
            "totals": totals,
            "groups": groups,
            "figures": [self.figures(entry) for entry in reported],
        }

    def figures(self, entry: Entry) -> dict[str, object]:
        """Return one entry as the serializer reads it."""
        for figure in entry.figures:
            figure.target = self.targets[subject_of(figure)]  # type: ignore[attr-defined]
        content = {**vars(entry), "by": self.by(entry.group)}
        if self.asked.labels:
            content["unit_label"] = Figure.Unit(entry.unit).label
            content["kind_label"] = Figure.Kind(entry.kind).label
        return content

    def by(self, group: Group) -> dict[str, dict[str, str | None] | None]:
        """Return the values of a group by dimension."""
        return {name: self.value(key) for name, key in zip(self.asked.by, group, strict=True)}

    def value(self, key: SourcedValue) -> dict[str, str | None] | None:
        """Return one value: null, a record, a value of a vocabulary, or a year."""
        if key.value is None:
            return None
        content: dict[str, str | None] = {"key": key.value, "name": None, "url": None, "vocabulary": None}
        label = key.value
        if key in self.rows:
            target = self._target(key)
            label = target.name
            content |= {"key": target.key, "name": target.name, "url": f"{root(target.resource)}/{target.key}"}
        elif key.source != "year":
            content |= {"url": f"{root('vocabularies')}/{key.source}", "vocabulary": key.source}
            label = _choices(key)[key.value]
        elif key.value in (UNKNOWN, SPANNING):
            label = gettext("Not known") if key.value == UNKNOWN else gettext("May lie in several years")
        return {**content, "label": label} if self.asked.labels else content

    def rank(self, group: Group) -> list[tuple[bool, int, int, str]]:
        """Return the sort key of a group: by code, by the order of the vocabulary, by year; unstated values last."""
        return [self._rank_of(key) for key in group]

    def _rank_of(self, key: SourcedValue) -> tuple[bool, int, int, str]:
        if key.value is None:
            return True, 0, 0, ""
        if key in self.rows:
            return False, 0, 0, self._target(key).key
        if key.source == "year":
            return False, 0, [SPANNING, UNKNOWN].index(key.value) + 1 if not key.value.isdigit() else 0, key.value
        resources = list(all_countables())
        return False, resources.index(key.source.partition(".")[0]), list(_choices(key)).index(key.value), ""

    def _target(self, key: SourcedValue) -> Target:
        return self.targets[self.rows[key]]


def root(resource: str) -> str:
    """Return the address of a list."""
    return f"{settings.API_ROOT}/{resource}"


def _row(key: SourcedValue) -> tuple[int, int]:
    """Return the content type and the primary key of the record that a value stands for."""
    return ContentType.objects.get_for_model(citable_models()[key.source]).pk, int(key.value or 0)


def _choices(key: SourcedValue) -> dict[str, str]:
    """Return the values of a vocabulary with their labels."""
    resource, _dot, name = key.source.partition(".")
    return choice_labels(all_countables()[resource].model, name)
