"""Who gets what: every address, method and way of reading, for everybody who may ask.

The cells are written down here, a line for each kind of record, and the addresses are read off the router: a new one
fails until it is listed. The records under test lie in the neighbourhood "own" of the street "own"; each is hidden
(a draft) where its kind can be.
"""

import json
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Token, User
from apps.common.filters.places import TreeFilter
from apps.common.filters.sets import facetable
from apps.common.models.import_jobs import ImportJob
from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Fact, NamedRecord, citable_models
from apps.common.models.slugs import RetiredSlug
from apps.common.resources.registry import viewsets
from apps.common.writing.transaction import write_transaction
from apps.explore.network.rules import RECORDS, RULES
from apps.explore.reconciliation.entities import TYPES
from apps.history import feed
from apps.identity.merging import mergeable
from apps.webhooks.actions import send_test, subscribe
from apps.webhooks.models import Subscription
from tests import factories
from tests.commits import commit_now
from tests.conftest import problem_of
from tests.full import FULL, share
from tests.saying import say

# The mark makes pytest-django set the test database up, in which the module's records are made.
pytestmark = pytest.mark.django_db

ROOT = "/api/v1"
NOW = time.time()
# Every cell for everybody: FULL=1. Without it each way of asking is tried by two people for each kind of record, and by
# a share of the others, which is another one for each kind; the costlier ways are left to fewer of them.
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
# Who tries what another cell says already: those left out differ in what they were appointed to, not in how they ask.
FEW = tuple(
    who
    for who in PEOPLE
    if FULL or who in ("anonymous", "read only", "other street", "neighbourhood", "representative", "street")
)
READERS = tuple(who for who in PEOPLE if FULL or who in ("anonymous", "read only", "other street", "street"))
ALWAYS = ("anonymous", "street")
TRYING = {"other street", "street"} if FULL else {"street"}  # who send dry runs
APPOINTED = set(PEOPLE) - {"anonymous", "expired", "read only"}
CURATORS = APPOINTED - {"representative"}
DISTRICT = {"district", "steward"}
STREET = {"street", *DISTRICT}
COMMITTEE = {"neighbourhood", *STREET}
UNIT = {"representative", *STREET}
OFFERED = {"representative", "steward"}  # by a unit: where that lies does not say where this does
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
    "identifiers": cells(UNIT),
    "alliances": cells(STREET, DISTRICT),
    "memberships": cells(UNIT, STREET),
    "venues": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "venue-services": cells(COMMITTEE),
    "categories": cells(STREET),
    "needs": cells(COMMITTEE),
    "resources": cells(OFFERED),
    "matches": cells(UNIT_OF_COMMITTEE),  # who may edit the need or the resource
    "projects": cells(STREET),
    "project-partners": cells(UNIT, STREET),
    "rounds": cells(STREET),
    "round-projects": cells(STREET),
    "claims": cells(UNIT),
    "deliverables": cells(STREET),
    "events": cells(COMMITTEE),
    "participations": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "awards": cells(OFFERED),
    "articles": cells(CURATORS, is_public=True),
    "citations": cells(STREET),
    "attestations": cells(STREET),
    "marks": cells(CURATORS, is_public=True),
    "figures": cells(UNIT, STREET),
    "merges": cells(UNIT, set()),
    "frameworks": cells(STREET),
    "dimensions": cells(STREET),
    "assessments": cells(UNIT_OF_COMMITTEE, COMMITTEE),
    "scores": cells(COMMITTEE),
}

# Made by a merge, and by nothing else.
READ_ONLY = {"merges"}

# The addresses of each resource, by their methods; every other method is 405 to everybody.
ADDRESSES: dict[str, dict[str, str]] = {
    "": {"get": "list", "post": "create"},
    "/bulk": {"post": "bulk_create", "patch": "bulk_change", "delete": "bulk_delete"},
    "/import": {"post": "import_file"},
    "/(?P<key>[^/]+)": {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
}
# Actions of the resources whose records move by a workflow, beside `report`.
MOVES: dict[str, tuple[str, ...]] = {
    "needs": ("reopen", "meet", "withdraw"),
    "resources": ("use", "offer", "withdraw"),
    "matches": ("accept", "decline", "withdraw", "end"),
    "rounds": ("open", "close"),
    "memberships": ("accept", "decline", "withdraw", "invite", "apply", "leave"),
    "events": ("hold", "write_up", "cancel"),
    "participations": ("accept", "decline", "attend", "invite"),
    "claims": ("accept", "reject", "withdraw", "start", "finish", "confirm", "send_back", "release"),
}
# Addresses of one resource alone.
FURTHER: dict[str, dict[str, str]] = {
    "figures/summary": {"get": "summary"},
    "needs/(?P<key>[^/]+)/matches": {"get": "suggest"},
    "resources/(?P<key>[^/]+)/matches": {"get": "suggest"},
    "articles/(?P<key>[^/]+)/coverage": {"get": "coverage"},
    "articles/(?P<key>[^/]+)/facts": {"get": "facts"},
    **{f"attestations/(?P<key>[^/]+)/{verb}": {"post": verb} for verb in ("confirm", "dispute", "retract")},
    **{
        f"{resource}/(?P<key>[^/]+)/{verb}": {"post": f"move_{verb}"}
        for resource, verbs in MOVES.items()
        for verb in (*verbs, "report")
    },
    **{f"{resource}/(?P<key>[^/]+)/actions": {"get": "list_actions"} for resource in MOVES},
}
# All other addresses of the API by the methods that they take; who gets what is said by the test that is named.
ACTIONS: dict[str, tuple[set[str], str]] = {
    "api/v1/<str:resource>/<str:key>/history": ({"GET"}, "test_a_record_is_read_by_whom_it_is_declared"),
    "api/v1/<str:resource>/<str:key>/statements": ({"GET"}, "test_who_sees_a_record_sees_who_says_what_of_it"),
    "api/v1/changes": ({"GET"}, "test_a_record_is_read_by_whom_it_is_declared"),
    "api/v1/search": ({"GET"}, "test_a_record_is_read_by_whom_it_is_declared"),
    "api/v1/network": ({"GET"}, "test_a_record_is_read_by_whom_it_is_declared"),
    "api/v1/changes/<str:request_id>/revert": ({"POST"}, "test_a_request_is_taken_back_by_whom_it_is_declared"),
    "api/v1/<str:resource>/<str:key>/merge": ({"POST"}, "test_a_record_is_merged_by_whom_it_is_declared"),
    "api/v1/import-jobs/<uuid:key>": ({"GET"}, "test_an_import_is_seen_by_who_began_it_and_by_stewards"),
    "api/v1/rounds/<str:key>/form": ({"GET"}, "test_a_claim_form_is_read_by_who_sees_whose_it_is"),
    "api/v1/alliances/<str:key>/form": ({"GET"}, "test_a_claim_form_is_read_by_who_sees_whose_it_is"),
    "api/v1/calendar.ics": ({"GET"}, "test_a_calendar_has_no_drafts_and_is_given_to_everybody"),
    "api/v1/inbox": ({"GET"}, "test_an_inbox_is_for_who_has_signed_in"),
    "api/v1/inbox/reviews": ({"POST"}, "test_an_inbox_is_for_who_has_signed_in"),
    "api/v1/webhooks": ({"GET", "POST"}, "test_subscriptions_are_for_those_who_may_write"),
    "api/v1/webhooks/<str:key>": ({"GET", "DELETE"}, "test_a_subscription_is_there_for_its_owner_alone"),
    "api/v1/webhooks/<str:key>/messages": ({"GET"}, "test_a_subscription_is_there_for_its_owner_alone"),
    **{
        f"api/v1/webhooks/<str:key>/{verb}": ({"POST"}, "test_a_subscription_is_there_for_its_owner_alone")
        for verb in ("rotate", "pause", "resume", "test", "messages/<str:message>/send")
    },
    # The same for everybody, whatever they may see.
    **dict.fromkeys(
        (
            "api/v1",
            "api/v1/",
            "api/v1/vocabularies",
            "api/v1/vocabularies/<str:name>",
            "api/v1/statistics",
            "api/v1/openapi.json",
            "api/v1/openapi.yaml",
            "docs/",
            "docs/reference/<str:name>",
            "docs/guide",
            "docs/guide/<str:name>",
            "docs/guide/<str:name>.md",
            "docs/errors",
            "docs/errors.md",
            "llms.txt",
            ".well-known/api-catalog",
            ".well-known/security.txt",
            "network",
            "reconcile/suggest/entity",
            "reconcile/suggest/type",
            "reconcile/suggest/property",
            "reconcile/properties",
            "reconcile/preview",
            "reconcile/features",
        ),
        ({"GET"}, "test_what_is_open_is_the_same_for_everybody"),
    ),
    "reconcile": ({"GET", "POST"}, "test_what_is_open_is_the_same_for_everybody"),
    "": (set(METHODS), "test_what_is_open_is_the_same_for_everybody"),
    "docs/swagger": (set(METHODS), "test_what_is_open_is_the_same_for_everybody"),
    "i18n/setlang/": (set(METHODS), "test_what_is_open_is_the_same_for_everybody"),
}
# What stands for a part of an address in requests by which nobody asks for anything in particular.
EXAMPLES = {
    **dict.fromkeys(("key", "request_id", "message"), "nonesuch"),
    "resource": "alliances",
    "name": "alliances.kind",
}

NO_UUID = "00000000-0000-0000-0000-000000000000"

# Ways of reading that tell everybody of what is published, and nobody of drafts: a service that matches names has to
# give everybody the same answer.
PUBLISHED_ONLY = {"reconciliation"}
# Ways that cost much or ask as another one does; fewer people try them.
COSTLY = {
    "count",
    "filter",
    "csv",
    "ndjson",
    "search",
    "search of all",
    "expand",
    "facet",
    "known at",
    "feed",
    "network",
}
# Those of them that count or write out the rows of a list.
SAME_ROWS = ["count", "filter", "csv", "ndjson", "facet", "known at"]


def some(people: Collection[str], number: int) -> list[str]:
    """Return who of several people tries the n-th case."""
    others = share(number, [who for who in PEOPLE if who in people and who not in ALWAYS], 9)
    return [who for who in PEOPLE if who in people and (who in ALWAYS or who in others)]


def place(resource: str) -> int:
    """Return which of all kinds of records one is."""
    return list(RESOURCES).index(resource)


# The data ------------------------------------------------------------------------------------------------------------


class World(NamedTuple):
    """The records under test by resource, how each was made, the tokens and the users by person, and places."""

    records: dict[str, Any]
    recipes: dict[str, Any]
    tokens: dict[str, str]
    users: dict[str, User]
    street: Any
    parent_street: Any
    committed_at: datetime


HIDDEN = {"state": "draft", "cited": False}


def recipe(factory: Any, **values: Any) -> tuple[Any, dict[str, Any]]:
    """Return how a record is made."""
    return factory, values


def recipes(own: Any, street: Any, parent_street: Any, unit: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return by resource how a record is made that nothing points at: its factory, and the values."""
    make: Any = factories
    # What the records hang on is published.
    alliance = make.AllianceFactory(street=street)
    project = make.ProjectFactory(alliance=alliance)
    round_ = make.RoundFactory(street=street)
    event = make.EventFactory(neighbourhood=own)
    venue = make.VenueFactory(neighbourhood=own)
    need = make.NeedFactory(alliance=None, neighbourhood=own)
    resource = make.ResourceFactory(unit=unit)
    framework = make.FrameworkFactory(street=street)
    dimension = make.DimensionFactory(framework=framework)
    other = make.FrameworkFactory(street=street)
    rating = make.AssessmentFactory(framework=framework, neighbourhood=own)
    article = make.ArticleFactory()
    whole = {"parent": make.MemberUnitFactory(street=parent_street)}
    body = {"parent": make.AllianceFactory(street=parent_street)}
    draft = make.AllianceFactory(street=street, **HIDDEN)
    return {
        "districts": recipe(make.DistrictFactory),
        "streets": recipe(make.StreetFactory, district=street.district),
        "neighbourhoods": recipe(make.NeighbourhoodFactory, street=street),
        "member-units": recipe(make.MemberUnitFactory, street=street, **whole, **HIDDEN),
        "unit-names": recipe(make.UnitNameFactory, unit=unit, **HIDDEN),
        "identifiers": recipe(make.IdentifierFactory, unit=unit, **HIDDEN),
        "alliances": recipe(make.AllianceFactory, street=street, **body, **HIDDEN),
        "memberships": recipe(make.MembershipFactory, alliance=alliance, unit=unit, **HIDDEN),
        "venues": recipe(make.VenueFactory, neighbourhood=own, operator=unit, **HIDDEN),
        "venue-services": recipe(make.VenueServiceFactory, venue=venue, **HIDDEN),
        "categories": recipe(make.CategoryFactory, alliance=alliance, **HIDDEN),
        "needs": recipe(make.NeedFactory, alliance=None, neighbourhood=own, **HIDDEN),
        "resources": recipe(make.ResourceFactory, unit=unit, **HIDDEN),
        "matches": recipe(make.MatchFactory, need=need, offer=resource, **HIDDEN),
        "projects": recipe(make.ProjectFactory, alliance=alliance, **HIDDEN),
        "project-partners": recipe(make.ProjectPartnerFactory, project=project, unit=unit, **HIDDEN),
        "rounds": recipe(make.RoundFactory, street=street, **HIDDEN),
        "round-projects": recipe(make.RoundProjectFactory, round=round_, project=project, **HIDDEN),
        "claims": recipe(make.ClaimFactory, project=project, unit=unit, **HIDDEN),
        "deliverables": recipe(make.DeliverableFactory, project=project, **HIDDEN),
        "events": recipe(make.EventFactory, neighbourhood=own, **HIDDEN),
        "participations": recipe(make.ParticipationFactory, event=event, unit=unit, **HIDDEN),
        "awards": recipe(make.AwardFactory, giver=unit, **HIDDEN),
        "articles": recipe(make.ArticleFactory),
        "citations": recipe(make.CitationFactory, article=article, record=draft, supports=["name"]),
        "attestations": recipe(
            make.AttestationFactory, record=draft, unit=None, party_street=street, supports=["name"]
        ),
        "marks": recipe(make.MarkFactory, article=article),
        "figures": recipe(make.FigureFactory, subject=project, reporter=unit, **HIDDEN),
        "merges": recipe(make.MergeFactory, record=unit, **HIDDEN),
        "frameworks": recipe(make.FrameworkFactory, street=street, **HIDDEN),
        "dimensions": recipe(make.DimensionFactory, framework=framework, **HIDDEN),
        "assessments": recipe(make.AssessmentFactory, framework=other, neighbourhood=own, assessor=unit, **HIDDEN),
        "scores": recipe(make.ScoreFactory, assessment=rating, dimension=dimension, **HIDDEN),
    }


def make_token(scopes: list[str], *, expired: bool = False, **appointment: Any) -> tuple[str, User]:
    """Make somebody with one appointment; return a token of theirs, and them."""
    appointed: Any = factories.AppointmentFactory(**appointment)
    token = factories.TokenFactory.build(user=appointed.user, scopes=scopes)
    text: str = token.set_secret()
    token.last_used_at = timezone.now()  # each use would be noted: what a request did is taken back
    token.save()
    token.appointments.set([appointed])
    if expired:
        made = timezone.now() - timedelta(days=2)
        Token.objects.filter(pk=token.pk).update(created_at=made, expires_at=made + timedelta(days=1))
    return text, appointed.user


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the module's own transaction count as over, so that the feed tells of it."""
    monkeypatch.setattr(feed, "horizon", lambda: (2**62, "1"))


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
        ways_to_make = recipes(own, street, parent_street, unit)
        records = {}
        for resource, (factory, values) in ways_to_make.items():
            # Each by a request of its own, that can be taken back.
            with write_transaction(request_id=f"making-{resource}", reason="test"):
                records[resource] = factory(**values)
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
        people: dict[str, Any] = {name: make_token(both, role="curator", **place) for name, place in places.items()}
        people |= {
            "expired": make_token([*both, "steward"], role="steward", expired=True),
            "read only": make_token(["read"], role="curator", street=street),
            "representative": make_token(both, role="representative", unit=unit),
            "steward": make_token([*both, "steward"], role="steward"),
        }
        tokens = {"anonymous": "", **{name: token for name, (token, _user) in people.items()}}
        users = {name: user for name, (_token, user) in people.items()}
        yield World(records, ways_to_make, tokens, users, street, parent_street, commit_now())
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
            # Django REST framework adds HEAD to the actions of a view as it is asked for the first time.
            actions: dict[str, str] | None = getattr(pattern.callback, "actions", None)
            methods = actions and {method: name for method, name in actions.items() if method != "head"}
            yield path.replace("/^", "/").removesuffix("$"), methods


def test_every_address_and_method_is_listed():
    found = dict(addresses(get_resolver().url_patterns))
    expected: dict[str, Any] = {
        f"api/v1/{resource}{end}": methods for resource in RESOURCES for end, methods in ADDRESSES.items()
    }
    expected |= {f"api/v1/{path}": methods for path, methods in FURTHER.items()}
    expected |= dict.fromkeys(ACTIONS)

    assert found == expected
    assert set(RESOURCES) == set(citable_models()) == set(viewsets())
    assert {test for _methods, test in ACTIONS.values()} <= set(globals())


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_method_that_is_not_listed_is_none_to_anybody(world: World, resource: str):
    record = world.records[resource]
    for end, methods in ADDRESSES.items():
        path = resource + (end if "(" not in end else f"/{record.key}")
        known = {name.upper() for name in methods if name == "get" or resource not in READ_ONLY}
        known |= {"OPTIONS"} | ({"HEAD"} if "get" in methods else set())
        if end in ("/bulk", "/import"):
            known.add("GET")  # that of a record with such a key, of which there is none
            known.add("HEAD")
        for method in set(METHODS) - known:
            for who in ("anonymous", "steward"):
                response = send(world, who, method, path)
                assert response.status_code == 405, (method, path, who, response.content)


# Reading -------------------------------------------------------------------------------------------------------------


def begun(resource: str) -> str:
    """Return the instant at which the record was committed, as the log says: that of all of them."""
    made = LoggedChange.objects.filter(request_id=f"making-{resource}").latest("number")
    return f"{made.at:%Y-%m-%dT%H:%M:%S.%fZ}"


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
        "history": f"{resource}/{record.key}/history",
        "known at": f"{resource}/{record.key}?known_at={begun(resource)}",
        "feed": f"changes?resource={resource}&since={begun(resource)}&page_size=200",
    }
    model = type(record)
    if model in {kind.model for kind in RECORDS.values()} | {rule.model for rule in RULES}:
        found["network"] = f"network?district={world.street.district.code}&include=events&depth=2"
    if model in TYPES.values():
        found["reconciliation"] = f"/reconcile/preview?id={resource}/{record.key}"
    if isinstance(record, NamedRecord):
        found["search"] = f"{only}&q={record.name}"
        found["search of all"] = f"search?resource={resource}&q={record.name}"
    if expandable := view.serializer_class.expandable():
        found["expand"] = f"{only}&expand={next(iter(expandable))}"
    if facets := [name for name in facetable(view.filterset_class.base_filters) if getattr(record, name, None)]:
        found["facet"] = f"{only}&facets={facets[0]}&page_size=1"
    return found


def is_seen(way: str, response: Any, record: Any) -> bool:
    """Tell whether an answer holds the record, or counts it."""
    if way in ("detail", "history", "known at", "reconciliation"):
        assert response.status_code in (200, 404)
        return bool(response.status_code == 200)
    assert response.status_code == 200, content_of(response)
    content = content_of(response)
    if way in ("csv", "ndjson"):
        return len(content.splitlines()) > (way == "csv")
    body = json.loads(content)
    if way == "feed":
        return any(item["resource"] == record.resource and item["key"] == record.key for item in body["items"])
    if way == "network":
        found = [*body["nodes"], *body["edges"]]
        return any(item["url"].endswith(f"/{record.resource}/{record.key}") for item in found)
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
    check_reading(world, resource)


EVIDENCE = ("citations", "attestations")
HIDDEN_ONES = [name for name in RESOURCES if not RESOURCES[name].is_public and name not in EVIDENCE]


@pytest.mark.parametrize("resource", share(0, HIDDEN_ONES, 3))
def test_a_submitted_record_is_read_like_a_draft(world: World, resource: str):
    with submitted(world, resource):
        check_reading(world, resource)


@contextmanager
def submitted(world: World, resource: str) -> Iterator[None]:
    """Let the record under test be submitted for a while."""
    record = world.records[resource]
    with taken_back():
        record.state = "submitted"
        record.save(update_fields=["state"])
        commit_now()
        yield
    record.refresh_from_db()


def check_reading(world: World, resource: str) -> None:
    """Read the record under test as everybody, in every way, and compare who sees it with what is declared."""
    record = world.records[resource]
    declared = RESOURCES[resource]
    hidden = not declared.is_public
    found = ways(world, resource)
    # A list and a detail of each kind, and other ones of the other ways for each.
    others = [way for way in found if way not in ("list", "detail", *SAME_ROWS)]
    asked = {"list", "detail", *share(place(resource), others, 2), *share(place(resource), SAME_ROWS, 3)}
    for number, (way, path) in enumerate(found.items(), place(resource)):
        if way not in asked:
            continue
        seers = set()
        people = some(PEOPLE if way not in COSTLY | PUBLISHED_ONLY else READERS, number)
        if way in SAME_ROWS and not FULL:
            people = list(ALWAYS)
        for who in people:
            response = send(world, who, "GET", path)
            if who == "expired" and way != "reconciliation":
                assert response.status_code == 401
            elif who != "expired" and is_seen(way, response, record):
                seers.add(who)
        expected = set(people) - {"expired"}
        if hidden:
            # A token that only reads shows what its bearer would see.
            expected = (
                set()
                if way in PUBLISHED_ONLY
                else expected & (declared.editors | ({"read only"} if "street" in declared.editors else set()))
            )
        assert seers == expected, (way, path)


WRITABLE = [resource for resource in RESOURCES if resource not in READ_ONLY]


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


# What changes a record of a kind; of most it is the first of these fields that they have.
TOUCHED = (
    "summary",
    "note",
    "publisher",
    "contribution",
    "as_written",
    "capability",
    "established_on_wording",
    "valid_from_wording",
    "name",
)
TOUCHES: dict[str, dict[str, object]] = {
    "identifiers": {"value": "Q990123456"},
    "scores": {"value": 81},
    "round-projects": {"places": 7},
    "citations": {"supports": ["kind"]},
    "attestations": {"supports": ["kind"]},
}


def touch(resource: str) -> dict[str, object]:
    """Return what a body says that changes a record."""
    inputs = viewsets()[resource].contract().inputs
    return TOUCHES.get(resource) or {next(name for name in TOUCHED if name in inputs): "改动"}


def refusal(who: str, otherwise: set[int]) -> set[int]:
    """Return with what somebody is refused who may not write something."""
    return {"anonymous": {401}, "expired": {401}, "read only": {403}}.get(who, otherwise)


def check(
    world: World, allowed: set[str], otherwise: set[int], good: int, dry: int, *request: Any, people: Any = FEW
) -> None:
    """Send a write as everybody, in earnest and as a dry run, and compare the answers with what is declared."""
    method, path, body = request
    number = sum(map(ord, method)) + sum(place(name) for name in RESOURCES if name in path)
    mark = "&" if "?" in path else "?"
    headers = {"if-match": "*"} if "/" in path and "bulk" not in path and "import" not in path else {}
    for who in some(people, number):
        expected = {good} if who in allowed else refusal(who, otherwise)
        response = send(world, who, method, path, body, **headers)
        assert response.status_code in expected, (who, method, path, body, response.content.decode())
        if FULL or who in TRYING:
            response = send(world, who, method, f"{path}{mark}dry_run=true", body, **headers)
            expected = {dry} if who in allowed else expected
            assert response.status_code in expected, (who, "dry", method, path, response.content.decode())
        if who not in allowed:
            problem_of(response)


@pytest.mark.parametrize("resource", HIDDEN_ONES)
def test_who_sees_a_record_sees_who_says_what_of_it(world: World, resource: str):
    key = world.records[resource].key
    for who in READERS:
        found = {
            path: send(world, who, "GET", path).status_code
            for path in (f"{resource}/{key}", f"{resource}/{key}/statements")
        }
        assert len(set(found.values())) == 1, (who, found)


@pytest.mark.parametrize("resource", ["rounds", "alliances"])
def test_a_claim_form_is_read_by_who_sees_whose_it_is(world: World, resource: str):
    key = world.records[resource].key
    statuses = set()
    for who in READERS:
        found = [send(world, who, "GET", f"{resource}/{key}{end}").status_code for end in ("", "/form")]
        assert len(set(found)) == 1, (who, found)
        statuses.add(found[0])
    assert statuses >= {200, 404}


def test_a_calendar_has_no_drafts_and_is_given_to_everybody(world: World):
    for who in PEOPLE:
        response = send(world, who, "GET", f"calendar.ics?street={world.street.code}")
        assert response.status_code == (401 if who == "expired" else 200), who
        assert world.records["events"].key not in response.content.decode(), who


@pytest.mark.parametrize("resource", WRITABLE)
def test_a_record_is_made_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    body = given(world, resource)
    # What somebody may not see cannot be pointed at, which is told like a key that nobody has.
    refused = {403} if resource not in EVIDENCE else {400, 403}
    with taken_back():
        type(record)._base_manager.filter(pk=record.pk).delete()
        for given_body, makers, asked in entered(resource, body):
            sent = {"change_reason": "test", **given_body}
            check(world, makers, refused, 201, 200, "POST", resource, sent, people=asked & {*PEOPLE})
            for one in share(place(resource) + 1, [given_body], 2):
                items = {"change_reason": "test", "items": [one]}
                check(world, makers, refused, 201, 200, "POST", f"{resource}/bulk", items, people=asked & {*FEW})
            for who in {*PEOPLE} - asked:
                errors = problem_of(send(world, who, "POST", resource, sent))["errors"]
                assert [each["code"] for each in errors] == ["first_status"], errors


def entered(resource: str, body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], set[str], set[str]]]:
    """Yield the bodies by which a record is made, who makes it so, and who is told whether his rights suffice.

    A record that moves by a workflow is entered in its first status by one side, and in another one by curators alone:
    the other side, which may edit it, is told that the status is wrong.
    """
    makers, editors, everybody = RESOURCES[resource].makers, RESOURCES[resource].editors, {*PEOPLE}
    workflow = citable_models()[resource].workflow
    if workflow is None:
        yield body, makers, everybody
        return
    guarded_by_rights = resource == "participations"  # which are the host's to make: in no status a guest's
    for status in dict.fromkeys([next(iter(workflow.entries)), body[workflow.field]]):
        enters = makers if status in workflow.entries else makers - {"representative"}
        told = editors - enters if not guarded_by_rights else set()
        yield {**body, workflow.field: status}, enters, everybody - told


@pytest.mark.parametrize("resource", WRITABLE)
def test_a_record_is_changed_and_deleted_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    declared = RESOURCES[resource]
    shown = send(world, "steward", "GET", f"{resource}/{record.key}").json()
    path, reason, touched = f"{resource}/{record.key}", {"change_reason": "test"}, touch(resource)
    # A record that one does not see is none: there is nothing at its address, its key is unknown, and PUT finds that
    # what it would replace is gone.
    there, replaced, named = ({403}, {403}, {403}) if declared.is_public else ({404}, {412}, {400})
    one = {type(record).key_field: record.key, "updated_at": shown["updated_at"]}
    many = {**reason, "items": [one]}
    editors = declared.editors
    check(world, editors, there, 200, 200, "PATCH", path, {**reason, **touched}, people=PEOPLE)
    check(world, editors, there, 204, 200, "DELETE", path, reason)
    others: list[tuple[set[int], str, str, dict[str, Any]]] = [
        (replaced, "PUT", path, {**shown, **reason, **touched}),
        (named, "PATCH", f"{resource}/bulk", {**many, "items": [{**one, **touched}]}),
        (named, "DELETE", f"{resource}/bulk", many),
    ]
    for refused, method, address, body in share(place(resource), others, 3):
        check(world, editors, refused, 200, 200, method, address, body)


@pytest.mark.parametrize("resource", [name for name in HIDDEN_ONES if name in WRITABLE])
def test_a_record_is_submitted_by_who_edits_it_and_published_by_curators(world: World, resource: str):
    record, editors = world.records[resource], RESOURCES[resource].editors
    publishers = editors - {"representative"}
    path, reason = f"{resource}/{record.key}", {"change_reason": "test"}
    with taken_back():
        record.citations.all().delete()
        say(record)
        check(world, editors, {404}, 200, 200, "PATCH", path, {**reason, "state": "submitted"}, people=PEOPLE)
        for state in share(place(resource), ("draft", "submitted"), 2):
            type(record)._base_manager.filter(pk=record.pk).update(state=state)
            published = {**reason, "state": "published"}
            check(world, publishers, {403, 404}, 200, 200, "PATCH", path, published, people=PEOPLE)
            if "representative" in editors:
                response = send(world, "representative", "PATCH", path, published, **{"if-match": "*"})
                assert [each["code"] for each in problem_of(response)["errors"]] == ["may_not_publish"]
        # What is published is the representative's to take back, and to lay before the curators anew.
        type(record)._base_manager.filter(pk=record.pk).update(state="published")
        for state in share(place(resource), ("submitted", "draft"), 2):
            check(world, editors, {403}, 200, 200, "PATCH", path, {**reason, "state": state}, people=PEOPLE)


@pytest.mark.parametrize("resource", [name for name in HIDDEN_ONES if name in WRITABLE])
def test_what_is_submitted_waits_for_whom_it_is_declared(world: World, resource: str):
    editors = RESOURCES[resource].editors
    with submitted(world, resource):
        key = world.records[resource].key
        for who in PEOPLE:
            response = send(world, who, "GET", "inbox?page_size=200")
            assert response.status_code == (401 if who in ("anonymous", "expired") else 200), who
            found = {item["record"]["key"]: item["kind"] for item in response.json().get("results", [])}
            kept = editors | ({"read only"} if "street" in editors else set())
            expected = "submitted" if who == "representative" else "to_publish"
            assert found.get(key) == (expected if who in kept else None), (who, found)


def test_an_inbox_is_for_who_has_signed_in(world: World):
    for who in PEOPLE:
        nobody = who in ("anonymous", "expired")
        assert send(world, who, "GET", "inbox").status_code == (401 if nobody else 200), who
        # What is asked for is none: whoever may write is told so.
        expected = 401 if nobody else 403 if who == "read only" else 400
        body = {"resource": "alliances", "key": "nonesuch", "change": 1}
        assert send(world, who, "POST", "inbox/reviews", body).status_code == expected, who


@pytest.mark.parametrize("resource", [name for name in WRITABLE if RESOURCES[name].is_public])
def test_what_says_what_stands_there_needs_no_right(world: World, resource: str):
    """Cases, row 27: what was read, or exported, is sent back by who may edit none of it."""
    record = world.records[resource]
    path, reason = f"{resource}/{record.key}", {"change_reason": "test"}
    shown = send(world, "steward", "GET", path).json()
    item = {type(record).key_field: record.key, "updated_at": shown["updated_at"]}
    for method, address, body in (
        ("PATCH", path, reason),
        ("PUT", path, {**shown, **reason}),
        ("PATCH", f"{resource}/bulk", {**reason, "items": [item]}),
    ):
        check(world, APPOINTED, set(), 200, 200, method, address, body, people=PEOPLE)
    changed = {**reason, "items": [{**item, **touch(resource)}]}
    check(world, RESOURCES[resource].editors, {403}, 200, 200, "PATCH", f"{resource}/bulk", changed, people=PEOPLE)


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", WRITABLE)
def test_a_file_is_imported_by_whom_it_is_declared(world: World, resource: str):
    record = world.records[resource]
    declared = RESOURCES[resource]
    # A row with a key that one does not see would make a record, and says too little for that, or in a foreign place.
    refused = {400, 403}
    name = type(record).key_field
    [(field, value)] = touch(resource).items()
    # One that is hidden is told to be taken, before it is said whose it is.
    refused |= {409} if resource == "categories" else set()
    cell = ";".join(value) if isinstance(value, list) else value
    file = f"{name},{field}\n{record.key},{cell}\n"
    check(world, declared.editors, refused, 200, 200, "POST", f"{resource}/import?change_reason=test", file)


def test_an_import_is_seen_by_who_began_it_and_by_stewards(world: World):
    job = ImportJob.objects.create(user_id=world.users["street"].pk, resource="needs", is_dry=False, is_shown=False)
    for who in PEOPLE:
        expected = 401 if who in ("anonymous", "expired") else 200 if who in ("street", "steward") else 404
        assert send(world, who, "GET", f"import-jobs/{job.key}").status_code == expected, who


# Taking back, and merging ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_request_is_taken_back_by_whom_it_is_declared(world: World, resource: str):
    declared = RESOURCES[resource]
    # The request that made the record: it is taken back by those who may edit it and point where it points.
    allowed = declared.editors if resource in READ_ONLY else declared.editors & declared.makers
    if resource == "memberships":  # a unit may apply to every body, and so points there
        allowed |= declared.editors & {"representative"}
    reason = {"change_reason": "test"}
    check(world, allowed, {403}, 200, 200, "POST", f"changes/making-{resource}/revert", reason, people=PEOPLE)


def test_a_request_that_nobody_made_is_taken_back_by_nobody(world: World):
    check(world, set(), {404}, 0, 0, "POST", "changes/nonesuch/revert", {"change_reason": "test"}, people=APPOINTED)


@pytest.mark.parametrize("resource", mergeable())
def test_a_record_is_merged_by_whom_it_is_declared(world: World, resource: str):
    record, editors = world.records[resource], RESOURCES[resource].editors
    factory, values = world.recipes[resource]
    shown = {name: value for name, value in values.items() if name not in HIDDEN}
    path = f"{resource}/{record.key}/merge"
    with taken_back():
        body = {"change_reason": "test", "into": factory(**shown).key}
        # Into what is published only those merge who may publish it.
        check(world, editors - {"representative"}, {403, 404}, 200, 200, "POST", path, body, people=PEOPLE)
        # The other way round: that is published, so that everybody sees it; into a draft it is not merged.
        body, path = {"change_reason": "test", "into": record.key}, f"{resource}/{body['into']}/merge"
        for who in PEOPLE:
            expected = {409} if who in editors else refusal(who, {403})
            response = send(world, who, "POST", path, body, **{"if-match": "*"})
            assert response.status_code in expected, (who, response.content.decode())
    if "street" in {field.name for field in type(record)._meta.fields}:
        with taken_back():
            elsewhere = {**dict.fromkeys({"alliance", "unit"} & set(shown)), "street": world.parent_street}
            body = {"change_reason": "test", "into": factory(**elsewhere).key}
            path = f"{resource}/{record.key}/merge"
            for who in editors:
                response = send(world, who, "POST", path, body, **{"if-match": "*"})
                expected = 200 if who in DISTRICT else 403
                assert response.status_code == expected, (who, response.content.decode())


@pytest.mark.parametrize("resource", [name for name in RESOURCES if name not in mergeable()])
def test_records_of_other_kinds_are_merged_by_nobody(world: World, resource: str):
    path, body = f"{resource}/{world.records[resource].key}/merge", {"change_reason": "test", "into": "x"}
    for who, expected in {"anonymous": 401, "read only": 403, "street": 404, "steward": 404}.items():
        assert send(world, who, "POST", path, body).status_code == expected


# Subscriptions --------------------------------------------------------------------------------------------------------

ENDPOINT = "https://93.184.215.14/hook"


@pytest.mark.enable_socket  # the address is looked at, though it has no name to be resolved
def test_subscriptions_are_for_those_who_may_write(world: World):
    body = {"resource": "alliances", "endpoint": ENDPOINT}
    for who in PEOPLE:
        nobody = who in ("anonymous", "expired")
        assert send(world, who, "GET", "webhooks").status_code == (401 if nobody else 200), who
        expected = 401 if nobody else 403 if who == "read only" else 201
        assert send(world, who, "POST", "webhooks", body).status_code == expected, who


def test_a_subscription_is_there_for_its_owner_alone(world: World):
    with taken_back():
        row = subscribe(by=world.users["street"], resource="alliances", filters={}, endpoint=ENDPOINT)
        message = send_test(subscription=row)
        path = f"webhooks/{row.key}"
        for who in set(PEOPLE) - {"anonymous", "expired"}:
            listed = [item["key"] for item in send(world, who, "GET", "webhooks").json()["results"]]
            assert listed == ([row.key] if who == "street" else []), who
        calls = {
            ("GET", path): 200,
            ("DELETE", path): 204,
            ("GET", f"{path}/messages"): 200,
            ("POST", f"{path}/rotate"): 200,
            ("POST", f"{path}/pause"): 200,
            ("POST", f"{path}/resume"): 409,  # it is not paused
            ("POST", f"{path}/test"): 202,
            ("POST", f"{path}/messages/{message.key}/send"): 202,
        }
        for (method, address), good in calls.items():
            for who in PEOPLE:
                other = 403 if who == "read only" and method != "GET" else 404
                expected = 401 if who in ("anonymous", "expired") else good if who == "street" else other
                response = send(world, who, method, address, {} if method == "POST" else None)
                assert response.status_code == expected, (who, method, address, response.content.decode())
        assert Subscription.objects.filter(pk=row.pk, state=Subscription.State.ACTIVE).exists()


# Nobody in particular ------------------------------------------------------------------------------------------------


FORMER = "merged-into-it"
# Of which all is asked in each run, and asked again once they are published.
TELLING = ("member-units", "claims", "merges")


def questions(resource: str, record: Any) -> list[str]:
    """Return the addresses at which a hidden record could show, be it only by a count or in an error."""
    key, name = record.key, getattr(record, "name", "") or record.key
    first = f"{record.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    now = begun(resource)
    found = [
        f"{resource}/{key}",
        f"{resource}/{key}/nonesuch",
        f"{resource}/{key}/history",
        f"{resource}/{key}?known_at={now}",
        f"{resource}/{FORMER}",
        f"changes?resource={resource}&since={begun(resource)}&page_size=200",
        f"merges?record={resource}/{key}",
        f"merges?merged_key={key}",
        f"{resource}?count=true&page_size=1",
        f"{resource}?sort=-updated_at&page_size=5",
        f"{resource}?q={name}&count=true" if name else resource,
        f"{resource}?updated_after={first}&format=csv",
        f"{resource}?updated_after={first}&format=ndjson",
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
    if resource not in TELLING:
        found = [*share(place(resource), found, 6)]
    if FULL:  # the tables rebuilt once more
        found.append(f"{resource}?known_at={now}&updated_after={first}&count=true")
    found += [
        f"{resource}?facets={facet}&page_size=1"
        for facet in facetable(viewsets()[resource].filterset_class.base_filters)[:2]
    ]
    for other, view in viewsets().items():
        for parameter, item in view.filterset_class.base_filters.items():
            if getattr(item, "target", None) is type(record):
                found.append(f"{other}?{parameter}={key}&page_size=1&count=true")
            elif isinstance(item, TreeFilter) and other == resource:
                found.append(f"{other}?{parameter}={key}")
    return found


# What answers 401 to nobody in particular, whether there is a record or not.
WRITES = {
    "PATCH": "{resource}/{key}",
    "PUT": "{resource}/{key}",
    "DELETE": "{resource}/{key}",
    "POST": "{resource}/{key}/merge",
}
COUNTS = ["", "vocabularies", "statistics", "statistics?by=kind&resource=alliances"]


def answers(world: World, paths: list[str]) -> dict[str, Any]:
    """Return all that an anonymous reader is told."""
    commit_now(world.committed_at)  # what was written since counts as written then
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
    paths = questions(resource, record)
    # A record that was merged into it: its slug leads nobody there.
    RetiredSlug.objects.create(table=type(record)._meta.db_table, slug=FORMER, successor=record.key)
    there = answers(world, paths)
    for method, path in WRITES.items():
        response = send(world, "anonymous", method, path.format(resource=resource, key=record.key), {})
        assert response.status_code == (405 if resource in READ_ONLY and method != "POST" else 401)
    with taken_back():
        type(record)._base_manager.filter(pk=record.pk).delete()
        gone = answers(world, paths)

    assert {path for path in paths if there[path] != gone[path]} == set()
    assert {there[path][0] for path in paths} == {200, 400, 404}
    if isinstance(record, Fact) and (FULL or resource in TELLING):
        with submitted(world, resource):
            waiting = answers(world, paths)
        assert {path for path in paths if waiting[path] != gone[path]} == set()
    if isinstance(record, Fact) and (FULL or resource in TELLING):
        # The questions are good ones: they tell of the record once it is published.
        with taken_back():
            factories.cite(record)
            type(record)._base_manager.filter(pk=record.pk).update(state="published")
            assert sum(there[path] != answer for path, answer in answers(world, paths).items()) >= 8


def test_no_count_tells_of_hidden_records(world: World):
    district = world.street.district.code
    paths = [
        *COUNTS,
        f"network?district={district}&include=events&depth=2",
        f"statistics?district={district}&by=street",
        "search?q=测试",
        "changes?page_size=200",
    ]
    there = answers(world, paths)
    with taken_back():
        for resource, declared in reversed(RESOURCES.items()):
            if not declared.is_public:
                record = world.records[resource]
                type(record)._base_manager.filter(pk=record.pk).delete()
        gone = answers(world, paths)
    assert {path for path in paths if there[path] != gone[path]} == set()
    assert {status for status, _content, _headers in there.values()} == {200}


# What is not a resource -----------------------------------------------------------------------------------------------


def example(path: str) -> str:
    """Return an address of a kind, by which nothing in particular is asked for."""
    return "/" + re.sub(r"<str:(\w+)>", lambda match: EXAMPLES[match[1]], path.replace("<uuid:key>", NO_UUID))


@pytest.mark.parametrize("path", ACTIONS)
def test_an_address_takes_no_method_that_is_not_listed(world: World, path: str):
    known = ACTIONS[path][0]
    for method in set(METHODS) - known - {"HEAD", "OPTIONS"}:
        for who in ("anonymous", "steward"):
            # Of subscriptions nobody in particular is told as much as which methods there are.
            expected = 401 if who == "anonymous" and "webhooks" in path else 405
            response = send(world, who, method, example(path), {})
            assert response.status_code == expected, (who, method, response.content)


@pytest.mark.parametrize("path", [path for path, (_methods, test) in ACTIONS.items() if "open" in test])
def test_what_is_open_is_the_same_for_everybody(world: World, path: str):
    address = example(path)
    open_to_all = send(world, "anonymous", "GET", address)
    assert open_to_all.status_code in {200, 301, 302, 400, 404, 405}
    for who in {*some(PEOPLE, list(ACTIONS).index(path))} - {"anonymous", "expired"}:
        response = send(world, who, "GET", address)
        assert response.status_code == open_to_all.status_code, (who, response.content)
        if "json" in response.headers.get("Content-Type", ""):
            assert content_of(response) == content_of(open_to_all), who
    # Who is not asked for a name is not refused for a wrong one.
    response = send(world, "expired", "GET", address)
    assert response.status_code == (401 if path.startswith("api/") else open_to_all.status_code)


# The admin ------------------------------------------------------------------------------------------------------------


def admin_addresses(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Yield an address for every pattern of the admin."""
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from admin_addresses(pattern.url_patterns, path)
        elif path.startswith("admin/"):
            known = re.sub(r"\^?\(\?P<app_label>(\w+)[^)]*\)", r"\1", path)
            yield "/" + re.sub(r"<[^>]+>|\(\?P<url>[^)]*\)", "1", known).removesuffix("$")


def test_the_admin_is_shut_to_who_has_not_logged_in(world: World):
    found = list(admin_addresses(get_resolver().url_patterns))
    assert len(found) > 5 * len(RESOURCES)
    for address in found:
        for who in ("anonymous", "steward"):  # a token is for the API
            response = send(world, who, "GET", address)
            if address == "/admin/login/":
                assert response.status_code == 200
            elif address == "/admin/logout/":
                assert response.status_code == 405 or response.headers["Location"] == "/admin/"
            else:
                assert response.status_code in (302, 405), address
                assert response.status_code == 405 or "/admin/login/?next=" in response.headers["Location"], address
