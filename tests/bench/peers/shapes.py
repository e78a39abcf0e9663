"""The JSON of the FastAPI peer, as msgspec structs, and how they are made from the rows of `statements`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

API = "/api/v1/"
PARTIES = ("member-units", "alliances", "districts", "streets", "neighbourhoods")
Row = Any  # an asyncpg.Record, unpacked by place


class Reference(msgspec.Struct):
    """A record as others point at it."""

    key: str
    name: str
    url: str


class Party(msgspec.Struct):
    """A record of one of several kinds."""

    resource: str
    key: str
    name: str
    url: str


class Citation(msgspec.Struct):
    """Which sentence says so."""

    article: Reference
    start: int
    end: int
    sha256: str
    supports: list[str]
    quotation: None
    url: str


class Project(msgspec.Struct):
    """A project in a list."""

    url: str
    slug: str
    name: str
    name_pinyin: str
    name_given: bool
    kind: str
    status: str
    parent: Reference | None
    category: Reference | None
    alliance: Reference | None
    district: Reference | None
    street: Reference | None
    neighbourhood: Reference | None
    starts_on: str
    starts_on_earliest: date | None
    starts_on_latest: date | None
    starts_on_wording: str
    starts_on_relative_to: str
    ends_on: str
    ends_on_earliest: date | None
    ends_on_latest: date | None
    ends_on_wording: str
    ends_on_relative_to: str
    slogan: str
    summary: str
    part_count: int
    partner_count: int
    claim_count: int
    citations: list[Citation]
    updated_at: datetime


class Partner(msgspec.Struct):
    """Who takes part in a project."""

    party: Party | None
    unit: Reference | None
    alliance: Reference | None
    as_written: str
    group: bool
    role: str
    url: str


class Claim(msgspec.Struct):
    """Who has claimed a project."""

    unit: Reference | None
    as_written: str
    status: str
    claimed_on: str
    claimed_on_earliest: date | None
    claimed_on_latest: date | None
    claimed_on_wording: str
    claimed_on_relative_to: str
    summary: str
    url: str


class Deliverable(msgspec.Struct):
    """What a project yields."""

    name: str
    kind: str
    status: str
    released_on: str
    released_on_earliest: date | None
    released_on_latest: date | None
    released_on_wording: str
    released_on_relative_to: str
    url: str


class Figure(msgspec.Struct):
    """A number reported about a project."""

    name: str
    measure: str
    comparator: str
    value: int | float
    unit: str
    kind: str
    as_written: str
    reported_by: Party | None
    citations: list[Citation]
    url: str


class Place(msgspec.Struct):
    """Where a reported number stands."""

    article: Reference
    start: int
    end: int
    url: str


class Reported(msgspec.Struct):
    """A count as a source reports it."""

    comparator: str
    value: int | float
    unit: str
    as_written: str
    citation: Place
    url: str


class ProjectDetail(Project):
    """One project with all that hangs on it."""

    parts: list[Reference]
    categories: list[Reference]
    partners: list[Partner]
    claims: list[Claim]
    deliverables: list[Deliverable]
    events: list[Reference]
    reported_part_count: Reported | None
    recorded_part_count: int
    reported_brand_project_count: Reported | None
    recorded_brand_project_count: int
    reported_category_count: Reported | None
    recorded_category_count: int
    reported_method_count: Reported | None
    recorded_method_count: int
    figures: list[Figure]


class Event(msgspec.Struct):
    """An event in a list."""

    url: str
    slug: str
    name: str
    name_pinyin: str
    name_given: bool
    kind: str
    status: str
    parent: Reference | None
    series: str
    held_on: str
    held_on_earliest: date | None
    held_on_latest: date | None
    held_on_wording: str
    held_on_relative_to: str
    alliance: Reference | None
    venue: Reference | None
    district: Reference | None
    street: Reference | None
    neighbourhood: Reference | None
    projects: list[Reference]
    slogan: str
    summary: str
    part_count: int
    participation_count: int
    citations: list[Citation]
    updated_at: datetime


class Page(msgspec.Struct):
    """A page of a list."""

    results: list[Any]
    next: str | None
    previous: None = None


def reference(resource: str, key: str | None, name: str) -> Reference | None:
    """Return a reference; None where there is no record."""
    return None if key is None else Reference(key, name, f"{API}{resource}/{key}")


def references(resource: str, rows: list[Row]) -> list[Reference]:
    """Return several references."""
    return [Reference(key, name, f"{API}{resource}/{key}") for key, name in rows]


def party(keys: tuple[str | None, ...], names: tuple[str, ...]) -> Party | None:
    """Return the record at the one key that is set."""
    for resource, key, name in zip(PARTIES, keys, names, strict=True):
        if key is not None:
            return Party(resource, key, name, f"{API}{resource}/{key}")
    return None


def citations(rows: list[Row]) -> list[Citation]:
    """Return the citations of a record."""
    return [
        Citation(
            Reference(key, title, f"{API}articles/{key}"), start, end, sha, supports, None, f"{API}citations/{slug}"
        )
        for key, title, start, end, sha, supports, slug in rows
    ]


def project_fields(row: Row) -> tuple[Any, ...]:
    """Return the fields of a project in their order."""
    values = tuple(row)
    return (
        f"{API}projects/{values[0]}",
        *values[:6],
        reference("projects", values[6], values[7]),
        reference("categories", values[8], values[9]),
        reference("alliances", values[10], values[11]),
        reference("districts", values[12], values[13]),
        reference("streets", values[14], values[15]),
        reference("neighbourhoods", values[16], values[17]),
        *values[18:33],
        citations(values[33]),
        values[34],
    )


def project(row: Row) -> Project:
    """Return a project of a list."""
    return Project(*project_fields(row))


def project_detail(row: Row) -> ProjectDetail:
    """Return one project."""
    head = project_fields(row)
    parts, categories, partners, claims, deliverables, events, brands, methods, figures = tuple(row)[35:]
    return ProjectDetail(
        *head,
        references("projects", parts),
        references("categories", categories),
        [
            Partner(
                party(found[:5], found[5:10]),
                reference("member-units", found[0], found[5]),
                reference("alliances", found[1], found[6]),
                *found[10:13],
                f"{API}project-partners/{found[13]}",
            )
            for found in map(tuple, partners)
        ],
        [
            Claim(reference("member-units", unit, name), *rest, f"{API}claims/{slug}")
            for unit, name, *rest, slug in claims
        ],
        [Deliverable(*rest, f"{API}deliverables/{slug}") for *rest, slug in deliverables],
        references("events", events),
        reported(figures, "integration_fields"),
        len(parts),
        reported(figures, "brand_projects"),
        brands,
        reported(figures, "project_categories"),
        len(categories),
        reported(figures, "working_methods"),
        methods,
        [figure(found) for found in figures],
    )


def number(value: Decimal) -> int | float:
    """Return a decimal as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def figure(row: Row) -> Figure:
    """Return a number that a source reports."""
    slug, name, measure, comparator, value, unit, kind, written, cited, *reporter = row
    places = citations([tuple(place)[:7] for place in cited])
    url = f"{API}figures/{slug}"
    by = party(tuple(reporter[:5]), tuple(reporter[5:]))
    return Figure(name, measure, comparator, number(value), unit, kind, written, by, places, url)


def reported(figures: list[Row], measure: str) -> Reported | None:
    """Return what the source issued last says of a measure."""
    found = [row for row in figures if row[2] == measure and row[6] == "actual" and row[8]]
    if not found:
        return None
    cited = {row[0]: next((place for place in row[8] if "value" in place[5]), row[8][0]) for row in found}
    row = max(found, key=lambda row: (cited[row[0]][7] or date.min, row[0]))
    place = cited[row[0]]
    article = Reference(place[0], place[1], f"{API}articles/{place[0]}")
    where = Place(article, place[2], place[3], f"{API}citations/{place[6]}")
    return Reported(row[3], number(row[4]), row[5], row[7], where, f"{API}figures/{row[0]}")


def event(row: Row) -> Event:
    """Return an event of a list."""
    values = tuple(row)
    return Event(
        f"{API}events/{values[0]}",
        *values[:6],
        reference("events", values[6], values[7]),
        *values[8:14],
        reference("alliances", values[14], values[15]),
        reference("venues", values[16], values[17]),
        reference("districts", values[18], values[19]),
        reference("streets", values[20], values[21]),
        reference("neighbourhoods", values[22], values[23]),
        references("projects", values[24]),
        *values[25:29],
        citations(values[29]),
        values[30],
    )
