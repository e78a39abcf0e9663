"""The change log misses nothing, and from it alone the registry can be rebuilt, as it is and as it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import DataError, IntegrityError, InternalError, connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.common.models.logged_change import AMENDING, LoggedChange, amend
from apps.common.models.records import Fact, citable_models
from apps.common.reading.data_version import data_version
from apps.common.reading.known_at import Changed, everything, known_at
from apps.common.reading.moments import moment_at
from apps.common.rules.change_log import is_lookup, logged_models, without_computed
from apps.common.writing.transaction import write_transaction
from apps.events.models import Event
from apps.history import replay
from apps.history.reverting import revert
from apps.projects.models import Claim, Project
from apps.registry.models import Alliance, District, MemberUnit, UnitName
from tests import factories
from tests.history.conftest import unique

STEWARD = User(is_superuser=True)

pytestmark = pytest.mark.django_db


def since(number: int) -> list[LoggedChange]:
    return list(LoggedChange.objects.filter(number__gt=number))


def last() -> int:
    return LoggedChange.objects.order_by("-number").values_list("number", flat=True)[0]


def run(text: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return cursor.fetchall() if cursor.description else []


def later(number: int, minutes: int) -> None:
    """Let the entries behind a number be of a later transaction; a test is one, which does not end."""
    run("SELECT set_config(%s, 'on', true)", AMENDING)
    own = run("SELECT pg_current_xact_id()::text::bigint")[0][0]
    run("UPDATE common_loggedchange SET xid = %s::text::xid8 WHERE number > %s", own + 1, number)
    run("SELECT set_config(%s, '', true)", AMENDING)
    stamped = "INSERT INTO common_commit (xid, at, snapshot) VALUES (%s::text::xid8, %s, %s) ON CONFLICT (xid)"
    stamped += " DO UPDATE SET at = excluded.at, snapshot = excluded.snapshot"
    now = timezone.now()
    run(stamped, own, now, f"{own}:{own + 1}:{own}")
    run(stamped, own + 1, now + timedelta(minutes=minutes), f"{own + 1}:{own + 2}:{own + 1}")


def test_every_table_of_records_is_logged() -> None:
    assert {model._meta.db_table for model in citable_models().values()} <= set(logged_models())
    assert {"events_event_projects", "evidence_articletext"} <= set(logged_models())


def test_an_entry_says_what_changed_and_who_did_it() -> None:
    user = factories.UserFactory()
    start = last()
    with write_transaction(user=user, token="pb_1", request_id="request-1", reason="因为"):
        district = factories.DistrictFactory(code="990001", name="旧区")
        with write_transaction(reason="又因为"):
            District.objects.filter(pk=district.pk).update(name="新区")
    found: list[Any] = since(start)
    added, changed = found
    for entry in (added, changed):
        assert (entry.table_name, entry.record_id, entry.key) == ("registry_district", district.pk, "990001")
        assert (entry.user_id, entry.token, entry.request_id) == (user.pk, "pb_1", "request-1")
    assert (added.operation, added.reason, added.before, added.after["name"]) == ("insert", "因为", None, "旧区")
    assert (changed.operation, changed.reason) == ("update", "又因为")
    assert (changed.before["name"], changed.after["name"]) == ("旧区", "新区")
    assert "official_code" not in changed.after


def test_what_nobody_tells_is_known_by_its_transaction() -> None:
    factories.DistrictFactory()
    entry = LoggedChange.objects.latest("number")
    assert entry.request_id.startswith("tx-")
    assert (entry.user_id, entry.token, entry.reason) == (None, "", "")


def test_a_write_that_changes_nothing_leaves_no_trace() -> None:
    rows = [factories.AllianceFactory(), factories.StreetFactory(), factories.ArticleFactory()]
    before = [(row.updated_at, last(), version_of_changes()) for row in rows]
    for row in rows:
        row.save()
        type(row).objects.filter(pk=row.pk).update(updated_at=timezone.now())
        row.refresh_from_db()
    assert [(row.updated_at, last(), version_of_changes()) for row in rows] == before


def version_of_changes() -> list[str]:
    """Return the data version without the transactions that are open: these may be of another worker's database."""
    parts = data_version().split(",")
    return [*parts[:4], parts[-1]]


def test_emptying_a_table_is_logged_row_by_row() -> None:
    event = Event.objects.order_by("pk").first()
    event.projects.add(factories.ProjectFactory())
    factories.rest(event)
    run("SET CONSTRAINTS ALL IMMEDIATE")
    count, start = Event.projects.through.objects.count(), last()
    run("TRUNCATE events_event_projects")
    entries = list(since(start))
    assert [entry.operation for entry in entries[:count]] == ["delete"] * count
    # And the records whose links they were have changed.
    assert {(entry.table_name, entry.operation) for entry in entries[count:]} == {("events_event", "update")}


def test_a_changed_internal_key_is_one_row_less_and_one_more() -> None:
    district = factories.DistrictFactory()
    start = last()
    run("UPDATE registry_district SET id = 999999 WHERE id = %s", district.pk)
    assert {(entry.operation, entry.record_id) for entry in since(start)} == {
        ("delete", district.pk),
        ("insert", 999999),
    }


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE common_loggedchange SET reason = 'x'",
        "DELETE FROM common_loggedchange",
        "TRUNCATE common_loggedchange",
    ],
)
def test_the_log_is_never_changed(text: str) -> None:
    with pytest.raises((IntegrityError, InternalError), match="never changed"), transaction.atomic():
        run(text)


def test_the_settings_end_with_the_telling() -> None:
    with write_transaction(reason="因为"):
        pass
    factories.DistrictFactory()
    assert LoggedChange.objects.latest("number").reason == ""


def test_replaying_the_log_gives_the_tables_and_reverting_it_gives_the_first_ones(
    write_at_random: Callable[[int], list[str]],
) -> None:
    first = replay.digest()
    requests = write_at_random(12)
    assert replay.digest() != first
    replay.replay("replayed")
    assert list(replay.dump("replayed")) == list(replay.dump())
    for request_id in reversed(requests):
        with write_transaction(request_id=f"undo-{request_id}", reason="取消"):
            assert revert(request_id, keep=True, user=STEWARD).obstacles == []
    assert replay.digest() == first
    for request_id in requests:
        assert revert(f"undo-{request_id}", keep=False, user=STEWARD).steps != []


def test_an_entry_says_whether_its_row_moved() -> None:
    start = last()
    unit: Any = factories.MemberUnitFactory(cited=False, state="draft")
    rows = MemberUnit.objects.filter(pk=unit.pk)
    rows.update(name="新名")
    rows.update(parent=factories.MemberUnitFactory(cited=False, state="draft"))
    rows.update(state="submitted")
    rows.delete()
    run("TRUNCATE events_event_projects")
    found = LoggedChange.objects.filter(number__gt=start)
    assert [each.moves for each in found.filter(record_id=unit.pk)] == [False, False, True, True, True]
    assert {each.moves for each in found.filter(table_name="events_event_projects")} == {True}


@pytest.mark.parametrize("model", [each for each in logged_models().values() if issubclass(each, Fact)])
def test_who_may_see_a_record_depends_on_what_it_is_found_by(model: type[Fact]) -> None:
    """So that a record which did not move is as visible as it was."""
    found_by = {field.name for field in model._meta.concrete_fields if is_lookup(field)}
    places = {*model.belongs_to, *model.concerns, *filter(None, [model.inherits]), *model.place_columns.values()}
    references = {getattr(model._meta.get_field(name), "fk_field", name) for name in places}
    assert {str(name) for name, _value in model.public().children} | references <= found_by


def test_a_log_that_contradicts_itself_is_not_replayed() -> None:
    district = factories.DistrictFactory()
    District.objects.filter(pk=district.pk).update(name="新")
    run("SELECT set_config(%s, 'on', true)", AMENDING)
    run("""UPDATE common_loggedchange SET after = after || '{"name": "x"}' WHERE record_id = %s""", district.pk)
    with pytest.raises(DataError, match="does not follow"), transaction.atomic():
        replay.replay("contradiction")


def test_what_was_known_is_a_replay_to_that_time(write_at_random: Callable[..., list[str]]) -> None:
    write_at_random(8)
    number, now = last(), timezone.now()
    write_at_random(8, 2)
    later(number, 60)
    instant = now + timedelta(minutes=30)
    moment = moment_at(instant)
    replay.replay("once", until=instant)
    for table, model in logged_models().items():
        row = without_computed(model, "r")
        past = known_at(f'SELECT {row} FROM "{table}" AS r', moment.snapshot, moment.changed, STEWARD)  # noqa: S608
        replayed = f'SELECT {row} FROM once."{table}" AS r'  # noqa: S608
        for one, other in ((past, replayed), (replayed, past)):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM (({one}) EXCEPT ({other})) AS more")  # noqa: S608
                assert cursor.fetchone() == (0,), table


def test_all_forms_of_what_was_known_give_the_same_rows(write_at_random: Callable[..., list[str]]) -> None:
    write_at_random(8)
    number, now = last(), timezone.now()
    write_at_random(8, 2)
    factories.UnitNameFactory(unit=MemberUnit.objects.visible_to(None).order_by("pk")[0], name="后来的别名")
    later(number, 60)
    moment = moment_at(now + timedelta(minutes=30))
    assert set() < moment.changed.moved < moment.changed.tables < everything().tables
    differ = 0
    for table, model in logged_models().items():
        columns = ", ".join(f'r."{field.column}"' for field in model._meta.concrete_fields)
        published = "WHERE r.state = 'published'" if issubclass(model, Fact) else ""
        for viewer, where in ((STEWARD, ""), (None, published)):
            text = f'SELECT ROW({columns})::text FROM "{table}" AS r {where}'  # noqa: S608
            found = [
                run(f"SELECT * FROM ({known_at(text, moment.snapshot, changed, viewer, of_one=of_one)}) AS a")  # noqa: S608
                for changed, of_one in ((moment.changed, False), (moment.changed, True), (everything(), True))
            ]
            assert sorted(found[0]) == sorted(found[1]) == sorted(found[2]), (table, viewer)
            differ += sorted(found[0]) != sorted(run(text))
    assert differ > 12


@pytest.mark.parametrize("changed", [6, 7])
def test_what_a_reader_may_see_is_looked_up_once_where_many_tables_have_changed(changed: int) -> None:
    tables = sorted(model._meta.db_table for model in logged_models().values() if issubclass(model, Fact))[:changed]
    text = " UNION ALL ".join(f"SELECT id FROM \"{table}\" WHERE state = 'published'" for table in tables)  # noqa: S608
    past = known_at(
        text, moment_at(timezone.now()).snapshot, Changed(frozenset(tables), frozenset(tables)), of_one=True
    )
    assert [f'"first_{table}" AS MATERIALIZED' in past for table in tables] == [changed > 6] * changed
    run(f"SELECT count(*) FROM ({past}) AS asked")  # noqa: S608 - a text of ours


def test_every_address_answers_as_it_did(client: Any, write_at_random: Callable[..., list[str]]) -> None:
    write_at_random(8)
    unit = MemberUnit.objects.visible_to(None).order_by("pk").first()
    factories.UnitNameFactory(unit=unit, name="别名")
    number, instant = last(), (timezone.now() + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    addresses = [f"/api/v1/{name}?page_size=20&sort=-updated_at&count=true" for name in sorted(citable_models())]
    addresses += [
        f"/api/v1/member-units/{unit.slug}?expand=parent",
        "/api/v1/alliances?facets=kind,street&labels=true&page_size=3",
        "/api/v1/projects?within=districts/310110&page_size=200",
        f"/api/v1/member-units?q={quote(unit.name[:2])}&count=true",
        "/api/v1/member-units?q=bieming&count=true",
        "/api/v1/member-units?format=jsonld",
        "/api/v1/alliances?format=ndjson",
        "/api/v1/alliances?format=csv&labels=true",
    ]
    then = {address: read(client, address) for address in addresses}
    assert then["/api/v1/member-units?q=bieming&count=true"]["count"] == 1
    write_at_random(8, 3)
    MemberUnit.objects.update(name="改了")
    Alliance.objects.update(kind="pair")
    factories.rest(*MemberUnit.objects.filter(state="published"), *Alliance.objects.filter(state="published"))
    UnitName.objects.filter(name="别名").delete()
    later(number, 60)
    changed = 0
    for address, body in then.items():
        sign = "&" if "?" in address else "?"
        shown, present = read(client, f"{address}{sign}known_at={instant}"), read(client, address)
        assert shown == body, address
        changed += present != body
    assert changed > 10


def read(client: Any, address: str) -> Any:
    """Return an answer, as JSON if it is."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()
    if "json" not in answer.headers["Content-Type"] or "ndjson" in answer.headers["Content-Type"]:
        return answer.getvalue().decode()
    body = answer.json()
    for page in [body, *body.get("@graph", [])]:
        for name in ("next", "next_cursor", "hydra:view"):
            page.pop(name, None)  # addresses, which name the parameters, and what is tied to these
    return body


def test_what_a_record_pointed_at_is_not_named_once_it_is_hidden(api: Any) -> None:
    claim = factories.ClaimFactory(project=factories.ProjectFactory(name="撤回的项目"))
    number, instant = last(), (timezone.now() + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    Claim.objects.filter(pk=claim.pk).update(project=factories.ProjectFactory())
    factories.rest(claim)
    Project.objects.filter(pk=claim.project.pk).update(state="draft")
    later(number, 60)
    for path in (f"claims/{claim.slug}", "claims"):
        for form in ("json", "jsonld", "csv", "ndjson")[: None if path == "claims" else 2]:
            answer = api.ask(path, known_at=instant, format=form)
            assert answer.status_code == 200
            assert "撤回的项目" not in answer.getvalue().decode()
    assert api.get(f"claims/{claim.slug}", known_at=instant)["project"] is None


def test_what_is_hidden_now_is_hidden_at_every_instant(api: Any) -> None:
    withdrawn = factories.AllianceFactory(slug="withdrawn", name="撤回的联盟")
    deleted = factories.AllianceFactory(slug="deleted-in-public", name="删除的联盟")
    both = factories.AllianceFactory(slug="withdrawn-and-deleted", name="撤回又删除的联盟")
    draft = factories.AllianceFactory(slug="published-later", name="后来公布的联盟", state="draft")
    citation = withdrawn.citations.get().slug
    number, instant = last(), (timezone.now() + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    Alliance.objects.filter(pk=withdrawn.pk).update(state="submitted")
    Alliance.objects.filter(pk=both.pk).update(state="draft")
    for alliance in (deleted, both):
        alliance.citations.all().delete()
        alliance.delete()
    for state in ("submitted", "published"):
        Alliance.objects.filter(pk=draft.pk).update(state=state)
    later(number, 60)
    past = {"known_at": instant}
    assert api.get("alliances/deleted-in-public", **past)["name"] == "删除的联盟"
    for slug in ("withdrawn", "withdrawn-and-deleted", "published-later"):
        api.problem(f"alliances/{slug}", 404, **past)
    api.problem(f"citations/{citation}", 404, **past)
    whole = api.ask("alliances", format="ndjson", **past).getvalue().decode()
    counted = api.get("alliances", count="true", q="联盟", **past)["count"]
    assert (whole.count("删除的联盟"), whole.count("撤回"), whole.count("后来公布")) == (1, 0, 0)
    assert counted == len(api.results("alliances", q="联盟", page_size=200, **past))
    assert api.keys("alliances", q="撤回", **past) == []
    for slug in ("withdrawn", "withdrawn-and-deleted"):
        api.problem(f"alliances/{slug}/history", 404)
    api.problem(f"citations/{citation}/history", 404)
    assert len(api.get("alliances/deleted-in-public/history")["results"]) == 2
    assert len(api.get("alliances/published-later/history")["results"]) == 1


def test_amending_the_log_moves_the_data_version() -> None:
    with write_transaction(reason="王五说"):
        factories.DistrictFactory()

    def last() -> str:
        # The rest moves as transactions of others come and go, since that of the test is still open.
        return data_version().rpartition(",")[2]

    before = last()
    amend(lambda entry: False, holding="王五说")
    assert last() == before

    def change(entry: LoggedChange) -> bool:
        entry.reason = ""
        return True

    amend(change, holding="王五说")
    assert last() != before
    assert not LoggedChange.objects.filter(reason="王五说").exists()


@pytest.mark.parametrize("path", ["search", "statistics", "network", "vocabularies", "changes"])
def test_the_past_is_asked_for_in_lists_and_records_only(api: Any, path: str) -> None:
    assert "Only lists and records" in api.problem(path, known_at="2026-01-01T00:00:00Z")["detail"]


def test_known_at_takes_an_instant(api: Any) -> None:
    assert "instant" in api.problem("alliances", known_at="2013-06-27")["detail"]
    assert api.results("alliances", known_at="2000-01-01T00:00:00Z") == []
    api.problem(f"alliances/{Alliance.objects.first().slug}", 404, known_at="2000-01-01T00:00:00Z")


def test_a_record_comes_back_with_the_slug_that_it_had() -> None:
    slug = unique("undone")
    with write_transaction(request_id="made"):
        alliance = factories.AllianceFactory(slug=slug)
    with write_transaction(request_id="unmade"):
        assert revert("made", keep=True, user=STEWARD).obstacles == []
    assert not Alliance.objects.filter(slug=slug).exists()
    with write_transaction(request_id="made-again"):
        assert revert("unmade", keep=True, user=STEWARD).obstacles == []
    assert Alliance.objects.get(slug=slug).pk == alliance.pk
