"""No published record points at a draft: through no reference, in no direction, whichever way it is written."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.test import Client

from apps.assessments.models import Score
from apps.common.admin.evidence import AFFIRMED
from apps.common.models.records import Fact, citable_models
from apps.common.rules.publishing import LOCK, POINTS, STAYS, Pointer, Publishable, references
from apps.evidence.spans import digest
from apps.projects.models import Project, RoundProject
from apps.registry.models import Alliance, Membership, MemberUnit
from tests.common.admin.test_records import change_address, filled_in
from tests.common.admin.test_records import errors as form_errors
from tests.conftest import problem_of
from tests.evidence.fixtures.test_loading import DRAFT as ARTICLE
from tests.factories import (
    AllianceFactory,
    CitationFactory,
    EventFactory,
    FigureFactory,
    MembershipFactory,
    MemberUnitFactory,
    MergeFactory,
    UserFactory,
    rest,
)
from tests.full import share
from tests.rows import make
from tests.saying import article_with, say, saying
from tests.test_conventions import going_with
from tests.writing import Keeper


def published(model: Any, **values: Any) -> Any:
    return make(model, **values)


def draft(model: Any, **values: Any) -> Any:
    return make(model, state="draft", **values)


def check() -> None:
    """Check what is deferred, as the end of a transaction does."""
    connection.check_constraints()


def refused(work: Callable[[], Any], rule: str, *named: Any) -> None:
    """Do something that the database refuses at the end, naming the records concerned; nothing of it is left."""

    def whole() -> None:
        work()
        check()

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        whole()
    assert error.value.__cause__.diag.constraint_name.endswith(rule)
    for record in named:
        assert f"{record.resource}/{record.key}" in str(error.value)


def to_state(record: Any, state: str) -> None:
    type(record)._base_manager.filter(pk=record.pk).update(state=state)


def point(field: Any, row: Any, target: Any) -> None:
    """Make a stored row point at another record."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    if isinstance(field, models.ManyToManyField):
        getattr(row, field.name).set([target])
    elif isinstance(field, GenericForeignKey):
        kind = ContentType.objects.get_for_model(target)
        rows.update(**{field.ct_field: kind, field.fk_field: target.pk})
    else:
        rows.update(**{field.name: target})


def repoint(field: Any, row: Any, target: Any) -> None:
    """Make a stored row point at another record, with the evidence for it."""
    point(field, row, target)
    rest(row)


def pointing(reference: Pointer, target: Any, **values: Any) -> Any:
    """Return a new row that points at a record; what else it points at is published."""
    model, field, _target = reference
    if isinstance(field, models.ManyToManyField):
        row = make(model, **values)
        point(field, row, target)
        rest(row)
        return row
    return make(model, **{field.name: target, **going_with(model, field.name, target), **values})


def label(reference: Pointer) -> str:
    return f"{reference.model.__name__}.{reference.field.name}-{reference.target.__name__}"


@pytest.mark.django_db
@pytest.mark.parametrize("reference", references(), ids=label)
def test_the_database_holds_the_rule_through_every_reference(reference: Pointer) -> None:
    target = published(reference.target)
    row = pointing(reference, target)
    check()
    refused(lambda: to_state(target, "draft"), STAYS, row, target)

    other = draft(reference.target)
    refused(lambda: pointing(reference, other), POINTS, other)
    refused(lambda: repoint(reference.field, row, other), POINTS, row, other)

    to_state(target, "draft")  # the order does not matter within a transaction
    to_state(row, "draft")
    check()
    point(reference.field, row, other)
    check()
    refused(lambda: to_state(row, "published"), POINTS, row, other)
    to_state(row, "published")
    to_state(other, "published")
    rest(row)
    check()


def test_every_reference_of_a_fact_is_under_the_rule_but_that_of_a_merge() -> None:
    facts = [model for model in citable_models().values() if issubclass(model, Fact)]
    assert {each.model for each in references()} | {model for model in facts if model.seen_with} == set(facts)
    assert [(model.resource, model.seen_with) for model in facts if model.seen_with] == [("merges", ("record",))]
    named = {(each.model, each.field.name) for each in references()}
    for model in facts:
        for field in model._meta.get_fields():
            points = (field.many_to_one or field.one_to_one or field.many_to_many) and not field.auto_created
            target = field.related_model if points else None
            if isinstance(target, type) and issubclass(target, Publishable):
                assert (model, field.name) in named
    assert ("figures", "subject") in {(model.resource, name) for model, name in named}


@pytest.mark.django_db
def test_a_merge_is_hidden_with_the_record_that_stayed(client: Client) -> None:
    merge = MergeFactory(record=MemberUnitFactory())
    address = f"/api/v1/merges/{merge.slug}"
    assert client.get(address).status_code == 200
    to_state(merge.record, "draft")
    check()
    assert client.get(address).status_code == 404


def was_asked() -> bool:
    """Tell whether one of the triggers has run in this transaction: each takes the lock."""
    key = f"({LOCK}::bigint & 4294967295)::oid"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {key}")  # noqa: S608
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
def test_drafts_and_what_stays_as_it_is_cost_nothing() -> None:
    parent = MemberUnitFactory()
    lone = MemberUnitFactory()
    part = draft(MemberUnit, parent=parent)
    draft(MemberUnit, parent=part)
    for row in (parent, lone, part):
        row.summary = "改"
        row.save()
    part.parent = None
    part.save()
    check()
    assert not was_asked()
    lone.parent = parent
    lone.save()
    rest(lone)
    check()
    assert was_asked()


# Over HTTP ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def sibling(reference: Pointer, row: Any) -> Any:
    """Return a draft at which a row could point as well."""
    same = {"framework": row.assessment.framework} if reference.model is Score else {}
    if reference.target is RoundProject:
        same = {"project": row.project}  # that of a claim is the one that the round puts up
    return draft(reference.target, **same)


def named(reference: Pointer, target: Any) -> Any:
    """Return a record as a body names it in the place of a reference."""
    if isinstance(reference.field, models.ManyToManyField):
        return [target.key]
    return f"{target.resource}/{target.key}" if isinstance(reference.field, GenericForeignKey) else target.key


# Each field that is written once: of a reference to records of any kind, the database has the same rule for each.
ONCE = {(each.model, each.field.name): each for each in references() if each.field.editable}.values()


@pytest.mark.parametrize("reference", share(0, [*ONCE], 2), ids=label)
def test_a_write_is_refused_at_its_place_through_every_field(keeper: Keeper, reference: Pointer) -> None:
    target = published(reference.target)
    row = pointing(reference, target)
    other = sibling(reference, row)
    path = f"{row.resource}/{row.key}"
    changed = {reference.field.name: named(reference, other)}
    tag = {"If-Match": keeper.tag(path)}
    assert keeper.refused("PATCH", path, changed, 400, **tag) == {f"/{reference.field.name}": "draft"}
    path = f"{target.resource}/{target.key}"
    tag = {"If-Match": keeper.tag(path)}
    answer = keeper.send("PATCH", path, {"state": "draft", "change_reason": "test"}, **tag)
    (error,) = problem_of(answer)["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (409, "/state", "referenced")
    assert f"{row.resource}/{row.key}" in error["detail"]


def test_a_new_record_says_which_draft_has_to_be_published_first(keeper: Keeper) -> None:
    unit, alliance = MemberUnitFactory(name="未公布的单位", state="draft", cited=False), AllianceFactory()
    say(unit)
    body = {"unit": unit.slug, "alliance": alliance.slug, "role": "member", "status": "member", "state": "published"}
    said = saying(Membership, body, ["unit", "alliance", "role", "status"])
    body = {**body, "citations": [said], "change_reason": "test"}
    answer = keeper.send("POST", "memberships", body)
    assert answer.status_code == 400
    (error,) = problem_of(answer)["errors"]
    assert (error["pointer"], error["code"]) == ("/unit", "draft")
    assert error["detail"] == f"“未公布的单位” (member-units/{unit.slug}) is not published; publish it first."
    for method, path in (("PUT", "memberships/by-put"), ("POST", "memberships?dry_run=true")):
        assert keeper.refused(method, path, body, 400) == {"/unit": "draft"}
    keeper.write("POST", "memberships", {**body, "state": "draft"}, 201)
    keeper.write("PATCH", f"member-units/{unit.slug}", {"state": "published"})
    path = f"memberships/{Membership.objects.get(unit=unit).slug}"
    keeper.write("PATCH", path, {"state": "published"})
    other = MemberUnitFactory(state="draft")
    tag = {"If-Match": keeper.tag(path)}
    assert keeper.refused("PUT", path, {**keeper.get(path), "unit": other.slug}, 400, **tag) == {"/unit": "draft"}
    check()


@pytest.fixture
def tree(db: None) -> list[MemberUnit]:
    """Three units that are drafts: a whole, its part, and a part of that; all are cited."""
    whole: Any = MemberUnitFactory(state="draft", cited=False)
    part: Any = MemberUnitFactory(state="draft", cited=False, parent=whole)
    least: Any = MemberUnitFactory(state="draft", cited=False, parent=part)
    for unit in (whole, part, least):
        say(unit)
    return [whole, part, least]


@pytest.mark.parametrize("downward", [True, False])
def test_in_bulk_the_order_does_not_matter(keeper: Keeper, tree: list[MemberUnit], downward: bool) -> None:
    for state, left_out, status, name, code in (
        ("published", tree[0], 400, "parent", "draft"),
        ("draft", tree[2], 409, "state", "referenced"),
    ):
        rows = tree if downward else tree[::-1]
        read = {row: keeper.get(f"member-units/{row.slug}")["updated_at"] for row in rows}
        items = [{"slug": row.slug, "updated_at": read[row], "state": state} for row in rows]
        most = {"items": [item for item in items if item["slug"] != left_out.slug]}
        place = next(number for number, item in enumerate(most["items"]) if item["slug"] == tree[1].slug)
        for query in ("", "?dry_run=true"):
            found = keeper.refused("PATCH", f"member-units/bulk{query}", most, status)
            assert found == {f"/items/{place}/{name}": code}
        assert not MemberUnit.objects.filter(pk__in=[row.pk for row in tree], state=state).exists()
        keeper.write("PATCH", "member-units/bulk", {"items": items})
        check()


@pytest.mark.parametrize("downward", [True, False])
def test_in_a_file_the_order_does_not_matter(keeper: Keeper, tree: list[MemberUnit], downward: bool) -> None:
    rows = tree if downward else tree[::-1]
    for state, left_out, status, name, code in (
        ("published", tree[0], 400, "parent", "draft"),
        ("draft", tree[2], 409, "state", "referenced"),
    ):
        most = [row for row in rows if row is not left_out]
        answer = send_file(keeper, most, state)
        place = f"/rows/{2 + most.index(tree[1])}/{name}"  # below the heading
        assert answer.status_code == status
        assert {each["pointer"]: each["code"] for each in problem_of(answer)["errors"]} == {place: code}
        assert send_file(keeper, rows, state).json()["changed"] == 3
        check()


def send_file(keeper: Keeper, rows: list[MemberUnit], state: str) -> Any:
    """Return the answer to a file that gives some units a state, and makes another one that is a draft."""
    lines = "".join(f"{row.slug},{row.name},{row.kind},{state}\n" for row in rows) + ",又一家单位,company,draft\n"
    content = f"slug,name,kind,state\n{lines}".encode()
    path = "/api/v1/member-units/import?change_reason=test"
    return keeper.client.post(path, data=content, content_type="text/csv")


def test_taking_a_request_back_is_refused_where_it_would_break_the_rule(keeper: Keeper) -> None:
    unit = MemberUnitFactory(state="draft", cited=False)
    say(unit)
    path = f"member-units/{unit.slug}"
    answer = keeper.send("PATCH", path, {"state": "published", "change_reason": "x"}, **{"If-Match": keeper.tag(path)})
    membership = MembershipFactory(unit=unit)
    found = keeper.send("POST", f"changes/{answer['X-Request-ID']}/revert", {"change_reason": "back"})
    (error,) = problem_of(found)["errors"]
    assert (found.status_code, error["pointer"]) == (409, "/changes/0")
    assert f"memberships/{membership.slug}" in error["detail"]

    # The other direction: the membership once pointed at a unit that is a draft by now.
    path, other = f"memberships/{membership.slug}", MemberUnitFactory()
    said = saying(Membership, {"unit": other.slug}, ["unit"])
    body = {"unit": other.slug, "change_reason": "x", "citations": [said]}
    answer = keeper.send("PATCH", path, body, **{"If-Match": keeper.tag(path)})
    to_state(unit, "draft")
    check()
    for query in ("", "?dry_run=true"):
        found = keeper.send("POST", f"changes/{answer['X-Request-ID']}/revert{query}", {"change_reason": "back"})
        errors = found.json()["conflicts"] if query else problem_of(found)["errors"]
        assert found.status_code == (200 if query else 409)
        assert [error["pointer"] for error in errors] == ["/changes/1"]  # the other one is of the citation
        assert f"member-units/{unit.slug}" in errors[0]["detail"]
    membership.refresh_from_db()
    assert membership.unit == other


def test_a_merge_fills_in_no_draft_and_is_not_undone_into_one(keeper: Keeper) -> None:
    hidden = MemberUnitFactory(state="draft")
    loser, winner = MemberUnitFactory(state="draft", parent=hidden), MemberUnitFactory()
    path = f"member-units/{loser.slug}"
    body, tag = {"into": winner.slug, "fill": ["parent"]}, {"If-Match": keeper.tag(path)}
    assert keeper.refused("POST", f"{path}/merge", body, 409, **tag) == {"/fill": "not_mergeable"}

    # Undoing brings back what the record that went pointed at, which is a draft by now.
    whole = MemberUnitFactory()
    loser, winner = MemberUnitFactory(parent=whole), MemberUnitFactory()
    path = f"member-units/{loser.slug}"
    tag = {"If-Match": keeper.tag(path)}
    answer = keeper.send("POST", f"{path}/merge", {"into": winner.slug, "change_reason": "one"}, **tag)
    to_state(whole, "draft")
    check()
    found = keeper.send("POST", f"changes/{answer['X-Request-ID']}/revert", {"change_reason": "back"})
    assert found.status_code == 409
    assert f"member-units/{whole.slug}" in problem_of(found)["detail"]
    to_state(whole, "published")
    found = keeper.send("POST", f"changes/{answer['X-Request-ID']}/revert", {"change_reason": "back"})
    assert found.status_code == 200, found.content.decode()


# In the admin, and by commands ----------------------------------------------------------------------------------------


def test_a_form_points_no_published_record_at_a_draft(keeper: Keeper) -> None:
    curator = keeper.client
    event, figure = EventFactory(), FigureFactory()
    project, alliance = draft(Project), draft(Alliance)
    for record, changed in (
        (event, {"projects": ([project.pk], project), "alliance": (alliance.pk, alliance)}),
        (figure, {"target": (f"alliances/{alliance.slug}", alliance)}),
    ):
        values = filled_in(curator.get(change_address(record)))
        values |= {name: value for name, (value, _target) in changed.items()}
        answer = curator.post(change_address(record), values)
        assert answer.status_code == 200
        messages = form_errors(answer)
        assert set(messages) == set(changed)
        for name, (_value, target) in changed.items():
            assert target.slug in messages[name][0]
    to_state(project, "published")
    to_state(alliance, "published")
    words = f"{figure.name}，{alliance.name}。"
    place = {"article": article_with(words), "start": 0, "end": len(words), "sha256": digest(words)}
    citation = CitationFactory(record=figure, supports=["name"], **place)
    answer = curator.post(change_address(figure), {**values, AFFIRMED: citation.pk})
    assert answer.status_code == 302, form_errors(answer)
    check()


def test_loaddata_is_refused_by_the_database(db: None, tmp_path: Path) -> None:
    membership, other = MembershipFactory(), MemberUnitFactory(state="draft")
    file = tmp_path / "rows.json"
    call_command("dumpdata", "registry.membership", primary_keys=str(membership.pk), output=str(file))
    content = json.loads(file.read_text())
    content[0]["fields"]["unit"] = other.pk
    file.write_text(json.dumps(content))
    refused(lambda: call_command("loaddata", str(file)), POINTS, membership, other)


def test_what_a_fixture_points_at_a_draft_waits_with_it(db: None, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "test-article.yaml").write_text(ARTICLE, encoding="utf-8")
    unit = MemberUnitFactory(slug="test-unit", name="测试单位", state="draft")
    call_command("load_fixtures", str(tmp_path), stdout=StringIO())
    check()
    membership = Membership.objects.get(slug="test-membership")
    assert (membership.unit, membership.state) == (unit, "draft")
    assert Alliance.objects.get(slug="test-alliance").state == "published"

    to_state(unit, "published")
    to_state(membership, "published")
    draft(MemberUnit, slug="another-unit")
    changed = ARTICLE.replace("unit: test-unit", "unit: another-unit")
    (folder / "test-article.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(CommandError, match=r"memberships/test-membership.*member-units/another-unit is not published"):
        call_command("load_fixtures", str(tmp_path), stdout=StringIO())


# Two at once ----------------------------------------------------------------------------------------------------------

PAIR = """
    SELECT claim.id, claim.project_id FROM projects_claim AS claim
    WHERE NOT EXISTS (
        SELECT FROM projects_claim AS other WHERE other.project_id = claim.project_id AND other.id <> claim.id)
    AND NOT EXISTS (SELECT FROM projects_project AS part WHERE part.parent_id = claim.project_id)
    AND NOT EXISTS (SELECT FROM projects_projectpartner AS partner WHERE partner.project_id = claim.project_id)
    AND NOT EXISTS (SELECT FROM projects_deliverable AS yielded WHERE yielded.project_id = claim.project_id)
    AND NOT EXISTS (SELECT FROM events_event_projects AS link WHERE link.project_id = claim.project_id)
    ORDER BY claim.id LIMIT 1
"""
CHECK = "SET CONSTRAINTS ALL IMMEDIATE"


@pytest.mark.django_db
@pytest.mark.parametrize("publishing_first", [True, False])
def test_of_two_at_once_the_later_is_refused(loaded_url: str, publishing_first: bool) -> None:
    """One publishes a claim, the other takes its project back; neither sees what the other has not committed."""
    with psycopg.connect(loaded_url) as one, psycopg.connect(loaded_url) as other:
        claim, project = one.execute(PAIR).fetchone()
        one.execute("UPDATE projects_claim SET state = 'draft' WHERE id = %s", [claim])
        one.commit()
        publish = ("UPDATE projects_claim SET state = 'published' WHERE id = %s", [claim])
        take_back = ("UPDATE projects_project SET state = 'draft' WHERE id = %s", [project])
        first, later = (publish, take_back) if publishing_first else (take_back, publish)
        one.execute(*first)
        other.execute(*later)
        one.execute(CHECK)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(other.execute, CHECK)
            assert not wait([waiting], timeout=0.3).done
            one.commit()
            with pytest.raises(psycopg.errors.CheckViolation) as error:
                waiting.result(timeout=10)
        assert error.value.diag.constraint_name.endswith(STAYS if publishing_first else POINTS)
        other.rollback()
        one.execute("UPDATE projects_project SET state = 'published' WHERE id = %s", [project])
        one.execute("UPDATE projects_claim SET state = 'published' WHERE id = %s", [claim])
        one.commit()
