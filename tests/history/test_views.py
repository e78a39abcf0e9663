"""The history over HTTP: what is told to whom, that who follows the feed misses nothing, and taking requests back."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from django.db import connection
from django.db.models import Max
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.reading.answer_cache import ANSWERS
from apps.common.writing.transaction import write_transaction
from apps.history import feed
from apps.history.reverting import revert
from apps.projects.models import Claim
from apps.registry.models import Alliance, District, MemberUnit
from tests import factories
from tests.commits import commit_now
from tests.conftest import Api, problem_of
from tests.history.conftest import new_number, unique

FAR = 2**62


@pytest.fixture
def all_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own transaction count as over."""
    monkeypatch.setattr(feed, "horizon", lambda: (FAR, "1"))


@pytest.fixture
def keeper(db: Any) -> Client:
    """Return a client that is logged in as one who keeps the whole registry."""
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
    client.force_login(factories.UserFactory(username="keeper", is_staff=True, is_superuser=True))
    return client


def follow(client: Client, address: str) -> tuple[list[Any], str]:
    """Return all items from an address on, and where to go on."""
    items, more = [], True
    while more:
        page = client.get(address).json()
        items += page["items"]
        address, more = page["next"], page["more"]
    return items, address


def test_records_without_a_name_are_called_in_words(api: Api, all_settled: None) -> None:
    start = "/api/v1/changes?resource=claims,citations&page_size=200"
    claim = factories.ClaimFactory(unit=factories.MemberUnitFactory(name="长海医院"), slug=unique("claim"))
    draft = factories.ClaimFactory(state="draft", cited=False, slug=unique("claim"))
    citation = claim.citations.get()
    name = f"长海医院 (accepted) · {claim.project.name}"
    assert [entry["name"] for entry in api.get(f"claims/{claim.slug}/history")["results"]] == [name]
    items, _address = follow(api.client, start)
    named = {(item["resource"], item["key"]): item["name"] for item in items}
    assert named["claims", claim.slug] == name
    assert named["citations", citation.slug].startswith(citation.article.title)
    assert ("claims", draft.slug) not in named
    Claim.objects.filter(pk=claim.pk).update(state="draft")
    claim.citations.all().delete()
    claim.delete()
    gone = [item["name"] for item in follow(api.client, start)[0] if item["key"] == claim.slug]
    assert gone
    assert set(gone) == {None}


# One record -----------------------------------------------------------------------------------------------------------


def test_a_history_says_what_changed_in_fields_and_keys(api: Api, keeper: Client) -> None:
    street = factories.StreetFactory(code="990000123", name="某街道")
    alliance = factories.AllianceFactory(slug="told", name="旧名")
    with write_transaction(request_id="request-2", reason="改名", user=factories.UserFactory(username="curator")):
        alliance.name, alliance.street = "新名", street
        alliance.save()
    factories.rest(alliance)
    newest, oldest = api.get("alliances/told/history")["results"]
    assert (newest["operation"], newest["reason"], newest["request_id"]) == ("update", "改名", "request-2")
    assert (newest["name"], oldest["name"]) == ("新名", "新名")  # what it is called now
    assert newest["user"] is None
    assert newest["changes"] == [
        {"field": "name", "before": "旧名", "after": "新名"},
        {"field": "name_pinyin", "before": "Jiuming", "after": "Xinming"},
        {"field": "in_district", "before": None, "after": street.district.code},
        {"field": "in_street", "before": None, "after": "990000123"},
        {"field": "street", "before": None, "after": "990000123"},
    ]
    assert oldest["operation"] == "insert"
    assert {"field": "name", "before": None, "after": "旧名"} in oldest["changes"]
    told = keeper.get("/api/v1/alliances/told/history").json()["results"]
    assert told[0]["user"] == "curator"


def test_a_history_is_read_by_pages(api: Api) -> None:
    district = factories.DistrictFactory(code="990009")
    for number in range(5):
        District.objects.filter(pk=district.pk).update(name=f"区{number}")
    page = api.get("districts/990009/history", page_size=4)
    rest = api.get(page["next"])
    assert len(page["results"]) == 4
    assert [entry["operation"] for entry in rest["results"]] == ["update", "insert"]
    assert rest["next"] is None
    assert "cursor" in api.problem("districts/990009/history", cursor="x")["detail"]
    assert "page_size" in api.problem("districts/990009/history", pagesize=3)["detail"]


def test_a_deleted_record_keeps_its_history_and_a_draft_has_none_for_strangers(api: Api, keeper: Client) -> None:
    factories.AllianceFactory(slug="gone").delete()
    assert [entry["operation"] for entry in api.get("alliances/gone/history")["results"]] == ["delete", "insert"]
    draft = factories.AllianceFactory(slug="hidden", state="draft")
    api.problem("alliances/hidden/history", 404)
    api.problem("alliances/never/history", 404)
    api.problem("nothing/never/history", 404)
    assert len(keeper.get("/api/v1/alliances/hidden/history").json()["results"]) == 1
    Alliance.objects.filter(pk=draft.pk).update(summary="草稿")
    Alliance.objects.filter(pk=draft.pk).update(state="submitted")
    api.problem("alliances/hidden/history", 404)
    Alliance.objects.filter(pk=draft.pk).update(state="published")
    (told,) = api.get("alliances/hidden/history")["results"]
    assert told["operation"] == "insert"
    draft.delete()
    assert [entry["operation"] for entry in api.get("alliances/hidden/history")["results"]] == ["delete", "insert"]


def test_links_belong_to_the_history_of_their_record(api: Api) -> None:
    event, project = factories.EventFactory(slug="linked"), factories.ProjectFactory(slug="linked-project")
    event.projects.add(project)
    factories.rest(event)
    newest = api.get("events/linked/history")["results"][0]
    assert (newest["operation"], newest["part"]) == ("insert", "event's project")
    assert {"field": "project", "before": None, "after": "linked-project"} in newest["changes"]


# The feed -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[[], Any]]:
    """Return a function that connects to the test database; what is committed is taken back behind the test."""
    connections: list[Any] = []
    with django_db_blocker.unblock():
        start = LoggedChange.objects.order_by("-number").values_list("number", flat=True)[0]

        def connect() -> Any:
            connections.append(psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}))
            return connections[-1]

        yield connect
        for each in connections:
            each.close()
        made = LoggedChange.objects.filter(number__gt=start).order_by().values_list("request_id")
        # Whoever wrote last is taken back first.
        for request_id, _last in sorted(made.annotate(last=Max("number")), key=lambda pair: -pair[1]):
            assert not revert(request_id, keep=True, user=User(is_superuser=True)).obstacles
        connection.close()


INSERT = (
    "INSERT INTO registry_district (code, name, name_pinyin, search_text, kind, editions, established_on,"
    " established_on_wording, established_on_relative_to, abolished_on, abolished_on_wording,"
    " abolished_on_relative_to, created_at, updated_at)"
    " VALUES (%s, 'x', 'x', 'x', 'district', '{}', '', '', '', '', '', '', now(), now())"
)
UPDATE = "UPDATE registry_district SET name = 'y' WHERE code = %s"


def follow_some(client: Client, place: str, keys: Sequence[str]) -> tuple[list[Any], str]:
    """Follow the feed for some records: what an earlier test has taken back may come late."""
    items, place = follow(client, place)
    return [item for item in items if item["key"] in keys], place


def follow_until(client: Client, place: str, keys: Sequence[str], count: int) -> tuple[list[Any], str]:
    """Follow the feed until so many items came: transactions of other tests on the same server hold it back."""
    items: list[Any] = []
    for _again in range(300):
        found, place = follow_some(client, place, keys)
        items += found
        if len(items) >= count:
            break
        time.sleep(0.1)
    return items, place


def test_a_reader_misses_nothing_of_writers_that_commit_out_of_order(committed: Callable[[], Any]) -> None:
    client = Client(SERVER_NAME="localhost")
    _items, place = follow(client, "/api/v1/changes?resource=districts&page_size=200")
    early, late, shared = numbers = [new_number() for _number in range(3)]
    first, second = committed(), committed()
    first.execute("SELECT set_config('partybuild.request_id', 'feed-a', true)")
    second.execute("SELECT set_config('partybuild.request_id', 'feed-b', true)")
    first.execute(INSERT, [early])
    second.execute(INSERT, [late])
    second.execute(INSERT, [shared])
    second.commit()
    items, place = follow_some(client, place, numbers)
    assert items == []
    # The earlier transaction writes what the later one has written: its number comes behind, its xid before.
    first.execute(UPDATE, [shared])
    items, place = follow_some(client, place, numbers)
    assert items == []
    first.commit()
    items, place = follow_until(client, place, numbers, 4)
    assert [(item["key"], item["operation"]) for item in items] == [
        (early, "insert"),
        (late, "insert"),
        (shared, "insert"),
        (shared, "update"),
    ]
    assert items[-1]["data"]["name"] == "y"
    assert follow_some(client, place, numbers)[0] == []


def test_a_row_is_told_in_the_order_in_which_it_was_written_though_others_are_open(
    committed: Callable[[], Any], client: Client
) -> None:
    _items, place = follow(client, "/api/v1/changes?resource=districts&page_size=200")
    own, others, shared, again = numbers = [new_number() for _number in range(4)]
    early, between, late, last = (committed() for _each in range(4))
    for number, writer in enumerate((early, between, late, last)):
        writer.execute("SELECT set_config('partybuild.request_id', %s, true)", [f"feed-{number}"])
    early.execute(INSERT, [own])
    between.execute(INSERT, [others])  # and stays open: what is numbered behind it is not settled
    late.execute(INSERT, [shared])
    late.commit()
    early.execute(UPDATE, [shared])
    early.commit()
    last.execute(INSERT, [again])
    last.commit()
    time.sleep(0.5)
    items, place = follow_some(client, place, numbers)
    assert items == []  # the first is settled, but wrote a row behind one that is not
    between.rollback()
    items, place = follow_until(client, place, numbers, 4)
    told = [(item["key"], item["operation"]) for item in items]
    assert told == [(own, "insert"), (shared, "insert"), (shared, "update"), (again, "insert")]
    assert [item["data"]["name"] for item in items if item["key"] == shared] == ["x", "y"]


def test_a_page_is_the_same_an_hour_later(api: Api, all_settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    page = api.get("changes", page_size=3)
    later = time.time() + 3600
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    ANSWERS.clear()
    assert api.get("changes", page_size=3) == page


def test_a_cursor_from_before_a_restore_is_told_to_begin_anew(api: Api, all_settled: None) -> None:
    address, _question, cursor = api.get("changes", page_size=3)["next"].partition("?page_size=3&cursor=")
    place = feed.FeedPosition(*feed.SIGNER.unsign_object(unquote(cursor)))
    former = feed.write_place(replace(place, epoch="another"))
    answer = api.client.get(f"{address}?page_size=3&cursor={former}")
    assert answer.status_code == 410
    assert answer.json()["code"] == "feed_reset"
    assert "without a cursor" in answer.json()["detail"]


def test_the_feed_gives_deletions_and_what_is_hidden_as_tombstones(api: Api, all_settled: None) -> None:
    address, _question, cursor = api.get("changes", page_size=3)["next"].partition("?page_size=3&cursor=")
    place = feed.FeedPosition(*feed.SIGNER.unsign_object(unquote(cursor)))
    place = replace(place, number=LoggedChange.objects.latest("number").number)
    hidden = factories.MemberUnitFactory(slug="feed-hidden")
    deleted = factories.MemberUnitFactory(slug="feed-deleted")
    kept = factories.MemberUnitFactory(slug="feed-kept", state="draft")
    MemberUnit.objects.filter(pk=kept.pk).update(state="submitted")
    MemberUnit.objects.filter(pk=kept.pk).update(state="published")
    MemberUnit.objects.filter(pk=hidden.pk).update(state="submitted")
    deleted.delete()
    items, _place = follow(api.client, f"{address}?page_size=3&cursor={feed.write_place(place)}")
    states: dict[str, str] = {}
    for item in items:
        assert (item["data"] is None) or item["state"] == "updated"
        states[item["url"]] = item["state"]
    units = {url.rpartition("/")[2]: state for url, state in states.items() if "member-units" in url}
    assert units == {"feed-hidden": "deleted", "feed-deleted": "deleted", "feed-kept": "updated"}
    (citation,) = kept.citations.all()
    assert states[f"/api/v1/citations/{citation.slug}"] == "updated"
    (citation,) = hidden.citations.all()
    assert states[f"/api/v1/citations/{citation.slug}"] == "deleted"
    assert "feed-hidden" not in json.dumps([item["data"] for item in items])


def test_the_feed_is_filtered_and_refuses_the_rest(api: Api, all_settled: None) -> None:
    district = factories.DistrictFactory(code="990011")
    factories.StreetFactory(district=district)
    District.objects.filter(pk=district.pk).update(name="改")
    since = commit_now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    items, _place = follow(api.client, f"/api/v1/changes?resource=districts&operation=update&since={since}")
    assert [(item["key"], item["data"]["name"]) for item in items if item["key"] == "990011"] == [("990011", "改")]
    assert {(item["resource"], item["operation"]) for item in items} == {("districts", "update")}
    place = api.get("changes", resource="districts")["next"].partition("cursor=")[2]
    assert "Did you mean “districts”" in api.problem("changes", resource="district")["detail"]
    assert "insert" in api.problem("changes", operation="inserted")["detail"]
    assert "another list" in api.problem("changes", cursor=unquote(place))["detail"]
    api.problem("changes", cursor="x")
    api.problem("changes", since="yesterday")
    api.problem("changes", sort="number")


# Taking back ----------------------------------------------------------------------------------------------------------


def take_back(client: Client, request_id: str, *, status: int = 200, query: str = "", **body: Any) -> Any:
    answer = client.post(
        f"/api/v1/changes/{request_id}/revert{query}", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == status, answer.content.decode()
    return answer.json() if status == 200 else problem_of(answer)


def test_a_request_is_tried_taken_back_and_brought_back(keeper: Client) -> None:
    alliance = factories.AllianceFactory(slug="wrong", name="对")
    with write_transaction(request_id="mistake"):
        alliance.name = "错"
        alliance.save()
        alliance_made = factories.AllianceFactory(slug="made-wrongly")
    factories.rest(alliance)
    tried = take_back(keeper, "mistake", query="?dry_run=true", change_reason="误改")
    assert tried["conflicts"] == []
    assert tried["reverted_by"] is None
    assert {(row["resource"], row["operation"]) for row in tried["changes"]} == {
        ("alliances", "delete"),
        ("alliances", "update"),
        ("citations", "delete"),
    }
    alliance.refresh_from_db()
    assert alliance.name == "错"
    done = take_back(keeper, "mistake", change_reason="误改")
    alliance.refresh_from_db()
    assert alliance.name == "对"
    assert not Alliance.objects.filter(pk=alliance_made.pk).exists()
    entry = LoggedChange.objects.filter(request_id=done["reverted_by"]).first()
    assert (entry.reason, entry.user_id is not None) == ("误改", True)
    take_back(keeper, done["reverted_by"], change_reason="没错")
    alliance.refresh_from_db()
    assert alliance.name == "错"
    assert Alliance.objects.get(slug="made-wrongly").pk == alliance_made.pk


def test_what_stands_in_the_way_is_told_and_nothing_is_changed(keeper: Client) -> None:
    with write_transaction(request_id="mistake"):
        alliance = factories.AllianceFactory(slug="in-the-way", name="一")
        other = factories.AllianceFactory(slug="pointed-at")
    factories.AllianceFactory(slug="pointing", parent=other)
    problem = take_back(keeper, "mistake", status=409, change_reason="误改")
    assert "alliance" in problem["detail"]
    Alliance.objects.filter(pk=alliance.pk).update(name="二", status="proposed")
    factories.rest(alliance)
    tried = take_back(keeper, "mistake", query="?dry_run=true", change_reason="误改")
    (conflict,) = tried["conflicts"]
    assert conflict["detail"] == "alliances/in-the-way: It was changed since: name, name_pinyin, search_text, status."
    assert tried["changes"][int(conflict["pointer"].rpartition("/")[2])]["key"] == "in-the-way"
    problem = take_back(keeper, "mistake", status=409, change_reason="误改")
    assert problem["errors"] == [conflict]
    assert problem["code"] == "conflict"
    assert Alliance.objects.filter(slug="pointed-at").exists()


def test_only_who_keeps_the_registry_takes_back_and_says_why(keeper: Client, api: Api) -> None:
    with write_transaction(request_id="mistake"):
        factories.DistrictFactory()
    take_back(keeper, "no-such-request", status=404, change_reason="x")
    take_back(keeper, "mistake", status=400)
    assert "reason" in take_back(keeper, "mistake", status=400, change_reason="x", raison="x")["detail"]
    take_back(keeper, "mistake", status=400, query="?dryrun=true", change_reason="x")
    take_back(api.client, "mistake", status=401, change_reason="x")
    curator = Client()
    curator.force_login(factories.UserFactory(is_staff=True))
    take_back(curator, "mistake", status=403, change_reason="x")


# The admin ------------------------------------------------------------------------------------------------------------


def test_the_admin_shows_a_history_and_takes_a_request_back(keeper: Client) -> None:
    alliance = factories.AllianceFactory(name="旧名")
    with write_transaction(request_id="rename", reason="改名"):
        Alliance.objects.filter(pk=alliance.pk).update(name="新名")
    factories.rest(alliance)
    address = f"/admin/registry/alliance/{alliance.pk}/history/"
    page = keeper.get(address).content.decode()
    assert "旧名" in page
    assert "改名" in page
    assert "/admin/revert/rename/" in page
    trial = keeper.get("/admin/revert/rename/").content.decode()
    assert "旧名" in trial
    assert keeper.post("/admin/revert/rename/", {"reason": ""}).status_code == 200
    alliance.refresh_from_db()
    assert alliance.name == "新名"
    assert keeper.post("/admin/revert/rename/", {"reason": "误改"}).status_code == 302
    alliance.refresh_from_db()
    assert alliance.name == "旧名"
    with write_transaction(request_id="again"):
        Alliance.objects.filter(pk=alliance.pk).update(name="新名")
    Alliance.objects.filter(pk=alliance.pk).update(name="更新的名")
    factories.rest(alliance)
    refused = keeper.post("/admin/revert/again/", {"reason": "误改"})
    assert refused.status_code == 409
    assert "It was changed since: name" in refused.content.decode()
    curator = Client()
    curator.force_login(factories.UserFactory(is_staff=True))
    assert curator.get("/admin/revert/again/").status_code == 403
    assert curator.get(address).status_code == 403
    assert keeper.get("/admin/registry/alliance/999999999/history/").status_code == 404
