"""Who gets what: every address, method and way of reading, for everybody who may ask.

The cells are written down here, a line for each kind of record, and the addresses are read off the router: a new one
fails until it is listed. The records under test lie in the neighbourhood "own" of the street "own"; each is hidden
(a draft) where its kind can be.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Token
from apps.common.filters import TreeFilter, facetable
from apps.common.models import Fact, NamedRecord, citable_models
from partybuild.api import viewsets
from tests import factories
from tests.conftest import problem_of

# The mark makes pytest-django set the test database up, in which the module's records are made.
pytestmark = pytest.mark.django_db

ROOT = "/api/v1"
NOW = time.time()
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")

# The table -----------------------------------------------------------------------------------------------------------

# Curators are named by where they were appointed. "parent" is the street in which the whole lies of which a record is
# a part (an alliance's or a unit's parent) when the record has a place of its own: the part is not that curator's.
# "read only" was appointed to the own street like "street", with a token that reads.
PEOPLE = (
    "anonymous",
    "expired",
    "read only",
    "other district",
    "other street",
    "parent",
    "neighbourhood",
    "street",
    "district",
    "representative",
    "steward",
)
APPOINTED = set(PEOPLE) - {"anonymous", "expired", "read only"}
DISTRICT = {"district", "steward"}
STREET = {"street", *DISTRICT}
COMMITTEE = {"neighbourhood", *STREET}
UNIT = {"representative", *STREET}
UNIT_OF_COMMITTEE = {"representative", *COMMITTEE}


class Cells(NamedTuple):
    """What is declared of one kind of record: who may edit one (and sees a draft), and who may make it."""

    editors: set[str]
    makers: set[str]
    is_public: bool = False  # there are no drafts of it


def cells(editors: set[str], makers: set[str] | None = None, *, is_public: bool = False) -> Cells:
    """Return the cells of a kind; who may edit a record may have made it, unless said otherwise."""
    return Cells(editors, editors if makers is None else makers, is_public)


RESOURCES: dict[str, Cells] = {
    # Of divisions, new ones beside those to which people were appointed.
    "districts": cells({"steward"}, is_public=True),
    "streets": cells(DISTRICT, is_public=True),
    "neighbourhoods": cells(STREET, is_public=True),
    "member-units": cells(STREET, DISTRICT),
    "unit-names": cells(UNIT),
    "alliances": cells(STREET, DISTRICT),
    "memberships": cells(UNIT, STREET),
    "venues": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "venue-services": cells(COMMITTEE),
    "categories": cells(STREET),
    "needs": cells(COMMITTEE),
    "resources": cells(UNIT),
    "projects": cells(STREET),
    "project-partners": cells(UNIT, STREET),
    "claims": cells(UNIT),
    "deliverables": cells(STREET),
    "events": cells(COMMITTEE),
    "participations": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "awards": cells(UNIT),
    "articles": cells(APPOINTED, is_public=True),
    "citations": cells(STREET),
    "marks": cells(APPOINTED, is_public=True),
    "figures": cells(UNIT, STREET),
    "frameworks": cells(STREET),
    "dimensions": cells(STREET),
    "assessments": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "scores": cells(COMMITTEE),
}

# The addresses of each resource, by their methods; every other method is 405 to everybody.
ADDRESSES: dict[str, dict[str, str]] = {
    "": {"get": "list", "post": "create"},
    "/bulk": {"post": "bulk_create", "patch": "bulk_change", "delete": "bulk_delete"},
    "/import": {"post": "import_file"},
    "/(?P<key>[^/]+)": {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
}
# Addresses of one resource alone.
FURTHER: dict[str, dict[str, str]] = {
    "figures/summary": {"get": "summary"},
    "articles/(?P<key>[^/]+)/coverage": {"get": "coverage"},
    "articles/(?P<key>[^/]+)/facts": {"get": "facts"},
}
# All other addresses, by what they show: the same to everybody (open), or what one may see (seen).
OTHERS: dict[str, str] = {
    "": "open",
    "api/v1": "seen",
    "api/v1/": "seen",
    "api/v1/search": "seen",
    "api/v1/vocabularies": "open",
    "api/v1/vocabularies/<str:name>": "open",
    "api/v1/network": "seen",
    "api/v1/statistics": "seen",
    "api/v1/openapi.json": "open",
    "api/v1/openapi.yaml": "open",
    "docs/": "open",
    "docs/swagger": "open",
    "docs/errors": "open",
    "network": "open",
    "reconcile": "seen",
    "reconcile/suggest/entity": "seen",
    "reconcile/suggest/type": "open",
    "reconcile/suggest/property": "open",
    "reconcile/properties": "open",
    "reconcile/preview": "seen",
    "reconcile/features": "open",
    "i18n/setlang/": "open",
}


# Ways of reading that tell everybody of what is published, and nobody of drafts.
PUBLISHED_ONLY = {"search of all"}

# The data ------------------------------------------------------------------------------------------------------------


class World(NamedTuple):
    """The records under test by resource, and the tokens by person."""

    records: dict[str, Any]
    tokens: dict[str, str]
    street: Any


HIDDEN = {"state": "draft", "cited": False}


def make_records(own: Any, street: Any, parent_street: Any, unit: Any) -> dict[str, Any]:
    """Make one record of each kind that nothing points at."""
    make: Any = factories
    # What the records hang on is published.
    alliance = make.AllianceFactory(street=street)
    project = make.ProjectFactory(alliance=alliance)
    event = make.EventFactory(neighbourhood=own)
    venue = make.VenueFactory(neighbourhood=own)
    framework = make.FrameworkFactory(street=street)
    rating = make.AssessmentFactory(framework=framework, neighbourhood=own)
    article = make.ArticleFactory()
    whole = {"parent": make.MemberUnitFactory(street=parent_street)}
    body = {"parent": make.AllianceFactory(street=parent_street)}
    records: dict[str, Any] = {
        "districts": make.DistrictFactory(),
        "streets": make.StreetFactory(district=street.district),
        "neighbourhoods": make.NeighbourhoodFactory(street=street),
        "member-units": make.MemberUnitFactory(street=street, **whole, **HIDDEN),
        "unit-names": make.UnitNameFactory(unit=unit, **HIDDEN),
        "alliances": make.AllianceFactory(street=street, **body, **HIDDEN),
        "memberships": make.MembershipFactory(alliance=alliance, unit=unit, **HIDDEN),
        "venues": make.VenueFactory(neighbourhood=own, operator=unit, **HIDDEN),
        "venue-services": make.VenueServiceFactory(venue=venue, **HIDDEN),
        "categories": make.CategoryFactory(alliance=alliance, **HIDDEN),
        "needs": make.NeedFactory(alliance=None, neighbourhood=own, **HIDDEN),
        "resources": make.ResourceFactory(unit=unit, **HIDDEN),
        "projects": make.ProjectFactory(alliance=alliance, **HIDDEN),
        "project-partners": make.ProjectPartnerFactory(project=project, unit=unit, **HIDDEN),
        "claims": make.ClaimFactory(project=project, unit=unit, **HIDDEN),
        "deliverables": make.DeliverableFactory(project=project, **HIDDEN),
        "events": make.EventFactory(neighbourhood=own, **HIDDEN),
        "participations": make.ParticipationFactory(event=event, unit=unit, **HIDDEN),
        "awards": make.AwardFactory(giver=unit, **HIDDEN),
        "articles": make.ArticleFactory(),
        "marks": make.MarkFactory(article=article),
        "figures": make.FigureFactory(subject=project, reporter=unit, **HIDDEN),
        "frameworks": make.FrameworkFactory(street=street, **HIDDEN),
        "dimensions": make.DimensionFactory(framework=framework, **HIDDEN),
        "assessments": make.AssessmentFactory(neighbourhood=own, assessor=unit, **HIDDEN),
        "scores": make.ScoreFactory(assessment=rating, dimension=make.DimensionFactory(framework=framework), **HIDDEN),
    }
    draft = make.AllianceFactory(street=street, **HIDDEN)
    records["citations"] = make.CitationFactory(article=article, record=draft)
    return records


def make_token(scopes: list[str], *, expired: bool = False, **appointment: Any) -> str:
    """Make somebody with one appointment; return a token of theirs."""
    appointed: Any = factories.AppointmentFactory(**appointment)
    token = factories.TokenFactory.build(user=appointed.user, scopes=scopes)
    text: str = token.set_secret()
    token.save()
    token.appointments.set([appointed])
    if expired:
        made = timezone.now() - timedelta(days=2)
        Token.objects.filter(pk=token.pk).update(created_at=made, expires_at=made + timedelta(days=1))
    return text


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """The records and the people, made once for the module and taken back behind it."""
    with django_db_blocker.unblock(), transaction.atomic():
        make: Any = factories
        street = make.StreetFactory()
        own = make.NeighbourhoodFactory(street=street)
        # In the own district, but in another street.
        parent_street = make.StreetFactory(district=street.district)
        unit = make.MemberUnitFactory(street=street)
        records = make_records(own, street, parent_street, unit)
        both = ["read", "write"]
        # The divisions under test are leaves of their own, and so are the appointments to them.
        places: dict[str, dict[str, Any]] = {
            "other district": {"district": make.DistrictFactory()},
            "other street": {"street": make.StreetFactory(district=street.district)},
            "parent": {"street": parent_street},
            "neighbourhood": {"neighbourhood": own},
            "street": {"street": street},
            "district": {"district": street.district},
        }
        tokens = {name: make_token(both, role="curator", **place) for name, place in places.items()}
        tokens |= {
            "anonymous": "",
            "expired": make_token([*both, "steward"], role="steward", expired=True),
            "read only": make_token(["read"], role="curator", street=street),
            "representative": make_token(both, role="representative", unit=unit),
            "steward": make_token([*both, "steward"], role="steward"),
        }
        yield World(records, tokens, street)
        transaction.set_rollback(True)


@contextmanager
def taken_back() -> Iterator[None]:
    """Do something and take it back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


CLIENT = Client(SERVER_NAME="localhost", headers={"accept-language": "en", "x-request-id": "0" * 8})


def send(world: World, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """Send a request as somebody; return the answer, whatever it is, and take back what it did."""
    if text := world.tokens[who]:
        headers["authorization"] = f"Bearer {text}"
    is_text = isinstance(body, str)
    content = {} if body is None else {"data": body if is_text else json.dumps(body)}
    kind = "text/csv" if is_text else "application/json"
    address = path if path.startswith("/") else f"{ROOT}/{path}"
    with taken_back():
        return CLIENT.generic(method, address, content_type=kind, headers=headers, **content)


def content_of(response: Any) -> bytes:
    """Return the body of an answer, whether it was streamed or not."""
    return b"".join(response.streaming_content) if response.streaming else response.content


# The addresses -------------------------------------------------------------------------------------------------------


def addresses(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address of the service but the admin's, with its methods where a router made it."""
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if path.startswith("admin/"):
            continue  # for those who log in; its own tests say who sees what
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        else:
            yield path.replace("/^", "/").removesuffix("$"), getattr(pattern.callback, "actions", None)


def test_every_address_and_method_is_listed():
    found = dict(addresses(get_resolver().url_patterns))
    expected: dict[str, Any] = {
        f"api/v1/{resource}{end}": methods for resource in RESOURCES for end, methods in ADDRESSES.items()
    }
    expected |= {f"api/v1/{path}": methods for path, methods in FURTHER.items()}
    expected |= dict.fromkeys(OTHERS)

    assert found == expected
    assert set(RESOURCES) == set(citable_models()) == set(viewsets())


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_method_that_is_not_listed_is_none_to_anybody(world: World, resource: str):
    record = world.records[resource]
    for end, methods in ADDRESSES.items():
        path = resource + (end if "(" not in end else f"/{record.key}")
        known = {name.upper() for name in methods} | {"OPTIONS"} | ({"HEAD"} if "get" in methods else set())
        if end in ("/bulk", "/import"):
            known.add("GET")  # that of a record with such a key, of which there is none
            known.add("HEAD")
        for method in set(METHODS) - known:
            for who in ("anonymous", "steward"):
                response = send(world, who, method, path)
                assert response.status_code == 405, (method, path, who, response.content)


# Reading -------------------------------------------------------------------------------------------------------------


def ways(world: World, resource: str) -> dict[str, str]:
    """Return by way of reading an address that asks for nothing but the record."""
    record: Any = world.records[resource]
    view = viewsets()[resource]
    # The instant at which it was written, to the microsecond, is the record's own.
    first, behind = (f"{record.updated_at + timedelta(microseconds=n):%Y-%m-%dT%H:%M:%S.%fZ}" for n in (-1, 1))
    only = f"{resource}?updated_after={first}&updated_before={behind}"
    found = {
        "list": only,
        "count": f"{only}&count=true&page_size=1",
        "filter": f"{resource}?sort=-updated_at&page_size=200&updated_after={first}&updated_before={behind}",
        "csv": f"{only}&format=csv",
        "ndjson": f"{only}&format=ndjson",
        "detail": f"{resource}/{record.key}",
    }
    if isinstance(record, NamedRecord):
        found["search"] = f"{only}&q={record.name}"
        found["search of all"] = f"search?resource={resource}&q={record.name}"
    if expandable := view.serializer_class.expandable():
        found["expand"] = f"{only}&expand={next(iter(expandable))}"
    if facets := [name for name in facetable(view) if getattr(record, name, None)]:
        found["facet"] = f"{only}&facets={facets[0]}&page_size=1"
    return found


def is_seen(way: str, response: Any, record: Any) -> bool:
    """Tell whether an answer holds the record, or counts it."""
    if way == "detail":
        assert response.status_code in (200, 404)
        return bool(response.status_code == 200)
    assert response.status_code == 200, content_of(response)
    content = content_of(response)
    if way in ("csv", "ndjson"):
        return len(content.splitlines()) > (way == "csv")
    body = json.loads(content)
    if way == "count":
        return bool(body["count"])
    if way == "facet":
        (values,) = body["facets"].values()
        assert bool(values) == bool(body["results"])
        return bool(values)
    if way == "search of all":  # each with what it was found by
        return f"{record.resource}/{record.key}" in content.decode()
    return any(row["url"].endswith(f"/{record.key}") for row in body["results"])


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_is_read_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    declared = RESOURCES[resource]
    hidden = not declared.is_public
    for way, path in ways(world, resource).items():
        seers = set()
        for who in PEOPLE:
            response = send(world, who, "GET", path)
            if who == "expired":
                assert response.status_code == 401
            elif is_seen(way, response, record):
                seers.add(who)
        expected = set(PEOPLE) - {"expired"}
        if hidden:
            # A token that only reads shows what its bearer would see.
            expected = (
                set()
                if way in PUBLISHED_ONLY
                else declared.editors | ({"read only"} if "street" in declared.editors else set())
            )
        assert seers == expected, (way, path)


# Writing -------------------------------------------------------------------------------------------------------------


def given(world: World, resource: str) -> dict[str, Any]:
    """Return the body by which a record such as the one under test is made."""
    record: Any = world.records[resource]
    shown = send(world, "steward", "GET", f"{resource}/{record.key}").json()
    body = {}
    for name, item in viewsets()[resource].contract().inputs.items():
        if name == "slug":
            continue  # that of a record that was deleted is not given again
        if name in shown:
            body[name] = shown[name]
        elif not (item.is_many or item.is_reference or item.is_target):
            body[name] = getattr(record, name)
    return body


def refusal(who: str, otherwise: set[int]) -> set[int]:
    """Return with what somebody is refused who may not write something."""
    return {"anonymous": {401}, "expired": {401}, "read only": {403}}.get(who, otherwise)


def check(world: World, allowed: set[str], otherwise: set[int], good: int, dry: int, *request: Any) -> None:
    """Send a write as everybody, in earnest and as a dry run, and compare the answers with what is declared."""
    method, path, body = request
    mark = "&" if "?" in path else "?"
    for who in PEOPLE:
        expected = {good} if who in allowed else refusal(who, otherwise)
        headers = {"if-match": "*"} if "/" in path and "bulk" not in path and "import" not in path else {}
        response = send(world, who, method, path, body, **headers)
        assert response.status_code in expected, (who, method, path, body, response.content.decode())
        if who in allowed or who in ("other street", "read only"):
            response = send(world, who, method, f"{path}{mark}dry_run=true", body, **headers)
            expected = {dry} if who in allowed else expected
            assert response.status_code in expected, (who, "dry", method, path, response.content.decode())
        if who not in allowed:
            problem_of(response)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_is_made_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    body = given(world, resource)
    # What somebody may not see cannot be pointed at, which is told like a key that nobody has.
    refused = {403} if resource != "citations" else {400, 403}
    with taken_back():
        type(record)._base_manager.filter(pk=record.pk).delete()
        makers = RESOURCES[resource].makers
        check(world, makers, refused, 201, 200, "POST", resource, {"change_reason": "test", **body})
        items = {"change_reason": "test", "items": [body]}
        check(world, makers, refused, 201, 200, "POST", f"{resource}/bulk", items)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_is_changed_and_deleted_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    declared = RESOURCES[resource]
    shown = send(world, "steward", "GET", f"{resource}/{record.key}").json()
    path, reason = f"{resource}/{record.key}", {"change_reason": "test"}
    # A record that one does not see is none: there is nothing at its address, its key is unknown, and PUT finds that
    # what it would replace is gone.
    there, replaced, named = ({403}, {403}, {403}) if declared.is_public else ({404}, {412}, {400})
    one = {type(record).key_field: record.key, "updated_at": shown["updated_at"]}
    many = {**reason, "items": [one]}
    editors = declared.editors
    check(world, editors, there, 200, 200, "PATCH", path, reason)
    check(world, editors, replaced, 200, 200, "PUT", path, {**shown, **reason})
    check(world, editors, there, 204, 200, "DELETE", path, reason)
    check(world, editors, named, 200, 200, "PATCH", f"{resource}/bulk", many)
    check(world, editors, named, 200, 200, "DELETE", f"{resource}/bulk", many)


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_file_is_imported_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    declared = RESOURCES[resource]
    # A row with a key that one does not see would make a record, and says too little for that, or in a foreign place.
    refused = {400, 403}
    name = type(record).key_field
    file = f"{name}\n{record.key}\n"
    check(world, declared.editors, refused, 200, 200, "POST", f"{resource}/import?change_reason=test", file)


# Nobody in particular ------------------------------------------------------------------------------------------------


def questions(resource: str, record: Any) -> list[str]:
    """Return the addresses at which a hidden record could show, be it only by a count or in an error."""
    key, name = record.key, getattr(record, "name", "") or record.key
    found = [
        f"{resource}/{key}",
        f"{resource}/{key}/nonesuch",
        f"{resource}?count=true&page_size=1",
        f"{resource}?sort=-updated_at&page_size=5",
        f"{resource}?q={name}&count=true" if name else resource,
        f"{resource}?updated_after={record.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}&format=csv",
        f"{resource}?updated_after={record.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}&format=ndjson",
        f"search?q={name}",
        f"search?q={name}&resource={resource}",
        f"citations?record={resource}/{key}",
        f"figures?subject={resource}/{key}",
        f"figures/summary?subject={resource}/{key}",
        f"network?unit={key}",
        f"network?alliance={key}",
        f"/reconcile?queries={quote(json.dumps({'q': {'query': name}}))}",
        f"/reconcile?extend={quote(json.dumps({'ids': [f'{resource}/{key}', key], 'properties': [{'id': 'name'}]}))}",
        f"/reconcile/suggest/entity?prefix={name[:60]}",
        f"/reconcile/preview?id={resource}/{key}",
    ]
    found += [f"{resource}?facets={facet}&page_size=1" for facet in facetable(viewsets()[resource])[:2]]
    for other, view in viewsets().items():
        for parameter, item in view.filterset_class.base_filters.items():
            if getattr(item, "target", None) is type(record):
                found.append(f"{other}?{parameter}={key}&page_size=1&count=true")
            elif isinstance(item, TreeFilter) and other == resource:
                found.append(f"{other}?{parameter}={key}")
    return found


COUNTS = ["", "vocabularies", "statistics", "statistics?by=kind&resource=alliances"]


def answers(world: World, paths: list[str]) -> dict[str, Any]:
    """Return all that an anonymous reader is told."""
    found = {}
    for path in paths:
        # A cursor is signed together with the second in which it is made.
        with mock.patch("django.core.signing.time.time", return_value=NOW):
            response = send(world, "anonymous", "GET", path)
        assert response.status_code < 500
        headers = {name: value for name, value in response.headers.items() if name != "ETag"}
        found[path] = (response.status_code, content_of(response), headers)
    return found


@pytest.mark.parametrize("resource", [name for name, declared in RESOURCES.items() if not declared.is_public])
def test_nobody_in_particular_can_tell_whether_a_hidden_record_exists(world: World, resource: str):
    record = world.records[resource]
    paths = [*questions(resource, record), *COUNTS]
    there = answers(world, paths)
    with taken_back():
        type(record)._base_manager.filter(pk=record.pk).delete()
        gone = answers(world, paths)

    assert {path for path in paths if there[path] != gone[path]} == set()
    assert {there[path][0] for path in paths} == {200, 400, 404}
    if isinstance(record, Fact):
        # The questions are good ones: they tell of the record once it is published.
        with taken_back():
            factories.cite(record)
            type(record)._base_manager.filter(pk=record.pk).update(state="published")
            assert sum(there[path] != answer for path, answer in answers(world, paths).items()) >= 8


# What is not a resource ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for path in OTHERS if "<" not in path])
def test_other_addresses_are_read_by_everybody_and_take_no_writes(world: World, path: str):
    for who in PEOPLE:
        for method in ("PUT", "PATCH", "DELETE"):
            response = send(world, who, method, f"/{path}", {})
            assert response.status_code in (
                {200, 302} if path in ("", "i18n/setlang/") else {401, 405} if who == "expired" else {405}
            ), (who, method, response.content)
    expected = {200, 302, 400, 404, 405}
    for who in set(PEOPLE) - {"expired"}:
        assert send(world, who, "GET", f"/{path}").status_code in expected
