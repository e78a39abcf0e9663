"""Writing single records over HTTP: what goes in, what is refused, and that nobody's change is lost."""

from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection

from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable
from apps.common.resources.registry import viewsets
from apps.events.models import Event
from apps.registry.models import Alliance, MemberUnit
from tests.conftest import Api, eventually
from tests.factories import (
    DIGEST_OF_X,
    AllianceFactory,
    ArticleFactory,
    AwardFactory,
    EventFactory,
    MembershipFactory,
    MemberUnitFactory,
    ProjectFactory,
    StreetFactory,
    UserFactory,
)
from tests.full import share
from tests.rows import make_full
from tests.saying import saying
from tests.writing import Keeper

# Merges are made by a verb of their own, and changed by nothing.
RESOURCES = sorted(name for name, viewset in viewsets().items() if "post" in viewset.http_method_names)


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def stored(record: Any) -> dict[str, Any]:
    """Return the columns of a row."""
    row: dict[str, Any] = type(record)._base_manager.filter(pk=record.pk).values().get()
    return row


@pytest.mark.parametrize("resource", share(2, RESOURCES, 3))
def test_the_body_of_a_get_is_a_put_that_changes_nothing(keeper: Keeper, resource: str) -> None:
    model: type[Citable] = viewsets()[resource].queryset.model
    record = make_full(model)
    before = stored(record)
    path = f"{resource}/{record.key}"
    logged = LoggedChange.objects.count()
    for query in ("", "?labels=true"):
        body = keeper.get(path + query)
        assert keeper.write("PUT", path, body) == keeper.get(path)
        assert stored(record) == before
    dry = keeper.write("PUT", f"{path}?dry_run=true", keeper.get(path))
    assert dry["changes"] == [{"resource": resource, "key": record.key, "operation": "update", "fields": []}]
    assert LoggedChange.objects.count() == logged


@pytest.mark.parametrize("resource", share(1, RESOURCES, 2))
def test_every_read_only_member_is_refused_where_it_says_something_else(keeper: Keeper, resource: str) -> None:
    viewset = viewsets()[resource]
    # Of a draft: for what is published, a citation is held to the text, which is not attached here.
    cited = {"record": AllianceFactory(state="draft")} if resource == "citations" else {}
    record = make_full(viewset.queryset.model, **cited)
    path = f"{resource}/{record.key}"
    # But those that say something of who reads, and not of the record: they are passed over.
    shown = viewset.contract().compared  # type: ignore[attr-defined]
    body = dict.fromkeys(shown, "something else")
    tag = keeper.tag(path)
    assert keeper.refused("PATCH", path, body, 400, **{"If-Match": tag}) == {f"/{name}": "read_only" for name in shown}
    found = keeper.refused("PATCH", path, {"nonsense": 1}, 400, **{"If-Match": tag})
    assert found == {"/nonsense": "unknown_field"}


# Making -----------------------------------------------------------------------------------------------------------


def sentence(**changed: Any) -> dict[str, Any]:
    """Return a citation for a body."""
    article = ArticleFactory()
    return {"article": article.slug, "start": 1, "end": 2, "sha256": DIGEST_OF_X, "supports": ["name"], **changed}


def test_a_published_record_is_made_with_its_citation_in_one_request(keeper: Keeper, api: Api) -> None:
    street = StreetFactory()
    body: dict[str, Any] = {
        "name": "测试新单位",
        "kind": "company",
        "street": street.code,
        "state": "published",
    }
    body["citations"] = [saying(MemberUnit, body, ["name", "kind", "street"])]
    response = keeper.send("POST", "member-units", {**body, "change_reason": "新单位"})
    assert response.status_code == 201, response.content.decode()
    made = response.json()
    assert response.headers["Location"] == made["url"]
    assert (made["slug"], made["street"]["key"], len(made["citations"])) == ("ceshixin-danwei", street.code, 1)
    assert keeper.get(f"member-units/{made['slug']}") == made
    # Everybody reads the same, but for words that are not shown to everybody.
    for citation in made["citations"]:
        citation |= {"quotation": None, "unquoted_because": ANY}
    assert api.get(made["url"]) == made
    assert keeper.refused("POST", "member-units", {**body, "slug": made["slug"]}, 409) == {"/slug": "unique"}


def test_a_citation_may_be_given_by_its_words(keeper: Keeper) -> None:
    cited = sentence(quotation="x")
    del cited["sha256"]
    body = {"name": "测试新单位", "kind": "company", "citations": [cited]}
    assert keeper.write("POST", "member-units", body, 201)["citations"][0]["sha256"] == DIGEST_OF_X
    wrong = {**body, "citations": [{**cited, "quotation": "xx"}]}
    assert keeper.refused("POST", "member-units", wrong, 400) == {"/citations/0/quotation": "wrong_length"}


def test_what_is_published_without_a_citation_is_refused_with_a_pointer(keeper: Keeper) -> None:
    body = {"name": "测试新单位", "kind": "company", "state": "published"}
    assert keeper.refused("POST", "member-units", body, 400) == dict.fromkeys(["/name", "/kind"], "no_evidence")
    assert not MemberUnit.objects.filter(name="测试新单位").exists()


def test_all_that_is_wrong_is_told_at_once_and_the_nearest_value_is_named(keeper: Keeper) -> None:
    body = {"nam": "x", "kind": "compani", "street": "310110999", "summary": 7, "parent": None, "district": ["a"]}
    response = keeper.send("POST", "member-units", {**body, "change_reason": "test"})
    assert response.status_code == 400
    found = {each["pointer"]: each for each in response.json()["errors"]}
    assert {pointer: each["code"] for pointer, each in found.items()} == {
        "/nam": "unknown_field",
        "/kind": "invalid_choice",
        "/street": "unknown_key",
        "/summary": "not_a_text",
        "/district": "not_a_key",
        "/name": "required",
    }
    assert "“name”" in found["/nam"]["detail"]
    assert "“company”" in found["/kind"]["detail"]


@pytest.mark.parametrize(
    ("resource", "body", "expected"),
    [
        ("alliances", {"name": "甲", "kind": "pair", "status": "proposed", "founded_on": "2012"}, {"": "invalid"}),
        ("alliances", {"name": "甲", "kind": "pair", "status": "active", "founded_on": "x"}, {"/founded_on": "edtf"}),
        ("member-units", {"name": "\0", "kind": "company"}, {"/name": "invalid_text"}),
        ("member-units", {"name": "x" * 201, "kind": "company"}, {"/name": "max_length"}),
        ("member-units", {"name": "", "kind": "company"}, {"/name": "blank"}),
        ("member-units", {"name": "甲", "kind": None}, {"/kind": "null"}),
        ("member-units", {"name": "甲", "kind": "company", "slug": "Bad Slug"}, {"/slug": "invalid"}),
        ("member-units", {"name": "甲", "kind": "company", "slug": "bulk"}, {"/slug": "reserved"}),
        ("member-units", {"name": "甲", "kind": "company", "membership_count": 0}, {"/membership_count": "read_only"}),
    ],
)
def test_rules_of_fields_rows_and_the_database_answer_with_a_pointer(
    keeper: Keeper, resource: str, body: dict[str, Any], expected: dict[str, str]
) -> None:
    assert keeper.refused("POST", resource, body, 400) == expected


@pytest.mark.parametrize("name", [" ", "\ufffe", "…", "（筹）"])
def test_a_neighbourhood_keeps_a_name_that_articles_can_meet(keeper: Keeper, name: str) -> None:
    found = keeper.refused("PATCH", "neighbourhoods/310101002001", {"name": name}, 400, **{"If-Match": "*"})
    assert found == {"/name": "blank" if name == " " else "invalid"}


@pytest.mark.parametrize("body", ["[]", "7", '"x"', "null"])
def test_a_body_that_is_no_object_is_refused(keeper: Keeper, body: str) -> None:
    for method, path in (("POST", "member-units"), ("PATCH", "member-units/x"), ("PATCH", "member-units/bulk")):
        response = keeper.send(method, path, body)
        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "not_an_object"


def test_a_number_is_written_as_a_number_and_a_target_as_resource_and_key(keeper: Keeper) -> None:
    alliance = AllianceFactory()
    body = {
        "name": "测试数",
        "measure": "services_provided",
        "comparator": ">=",
        "value": 1.5,
        "unit": "person_time",
        "kind": "actual",
        "subject": f"alliances/{alliance.slug}",
        "as_written": "1.5",
    }
    made = keeper.write("POST", "figures", body, 201)
    assert (made["value"], made["subject"]["key"]) == (1.5, alliance.slug)
    for value, code in ((True, "not_a_number"), ("1", "not_a_number"), (10**20, "out_of_range"), (-1, "invalid")):
        assert set(keeper.refused("POST", "figures", {**body, "value": value}, 400).values()) == {code}
    assert keeper.refused("POST", "figures", {**body, "subject": "alliance/x"}, 400) == {"/subject": "unknown_key"}


# Changing ---------------------------------------------------------------------------------------------------------


def test_a_change_needs_the_tag_of_the_record_as_it_is(keeper: Keeper) -> None:
    alliance = AllianceFactory()
    path, body = f"alliances/{alliance.slug}", {"summary": "甲"}
    assert keeper.refused("PATCH", path, body, 428) == {"": "precondition_required"}
    old = keeper.tag(path)
    MembershipFactory(alliance=alliance)  # the answer changes, the record does not
    keeper.write("PATCH", path, body, **{"If-Match": old})
    assert keeper.get(path)["summary"] == "甲"
    for tag in (old, f"W/{keeper.tag(path)}", '"x"', "x"):
        assert keeper.refused("PATCH", path, body, 412, **{"If-Match": tag}) == {"": "precondition_failed"}
    assert keeper.refused("DELETE", path, {}, 428) == {"": "precondition_required"}


def test_the_tag_of_an_anonymous_answer_serves_a_write_too(keeper: Keeper, api: Api) -> None:
    alliance = AllianceFactory()
    path = f"alliances/{alliance.slug}"
    tag = ""

    def check() -> None:
        nonlocal tag
        tag = api.ask(path).headers["ETag"]
        assert api.client.get(f"/api/v1/{path}", headers={"if-none-match": tag}).status_code == 304

    eventually(check)
    keeper.write("PATCH", path, {"summary": "乙"}, **{"If-Match": tag})


def test_a_write_tells_the_tag_for_the_next_one(keeper: Keeper) -> None:
    path = f"alliances/{AllianceFactory().slug}"
    tag = keeper.tag(path)
    for number in range(3):
        body = {"summary": str(number), "change_reason": "test"}
        response = keeper.send("PATCH", path, body, **{"If-Match": tag})
        assert response.status_code == 200
        tag = response.headers["ETag"]
    assert tag == keeper.tag(path)


def test_put_sets_what_it_leaves_out_to_the_default_and_patch_does_not(keeper: Keeper) -> None:
    alliance = AllianceFactory(summary="甲", street=StreetFactory())
    path = f"alliances/{alliance.slug}"
    keeper.write("PATCH", path, {"slogan": "乙"})
    assert (keeper.get(path)["summary"], keeper.get(path)["street"]["key"]) == ("甲", alliance.street.code)
    keeper.write("PUT", path, {"name": alliance.name, "kind": "pair", "status": "active"})
    now = keeper.get(path)
    assert (now["summary"], now["slogan"], now["street"], now["kind"]) == ("", "", None, "pair")
    assert Alliance.objects.get(pk=alliance.pk).state == "published"
    found = keeper.refused("PUT", path, {"kind": "pair"}, 400, **{"If-Match": keeper.tag(path)})
    assert found == {"/name": "required", "/status": "required"}


def test_a_list_of_keys_is_replaced_as_a_whole(keeper: Keeper) -> None:
    event, first, second = EventFactory(), ProjectFactory(), ProjectFactory()
    path = f"events/{event.slug}"
    before = keeper.tag(path)
    keeper.write("PATCH", path, {"projects": [first.slug, {"key": second.slug}]})
    assert {row["key"] for row in keeper.get(path)["projects"]} == {first.slug, second.slug}
    assert keeper.tag(path) != before
    wrong = keeper.refused("PATCH", path, {"projects": [first.slug, "x"]}, 400, **{"If-Match": keeper.tag(path)})
    assert wrong == {"/projects/1": "unknown_key"}
    keeper.write("PATCH", path, {"projects": []})
    assert not Event.objects.get(pk=event.pk).projects.exists()


def test_the_key_of_a_record_never_changes(keeper: Keeper) -> None:
    unit, street = MemberUnitFactory(), StreetFactory()
    for path, body in (
        (f"member-units/{unit.slug}", {"slug": "other"}),
        (f"streets/{street.code}", {"code": "991234567"}),
    ):
        found = keeper.refused("PATCH", path, body, 400, **{"If-Match": keeper.tag(path)})
        assert found == {f"/{next(iter(body))}": "permanent"}


def test_put_makes_a_record_with_the_key_of_its_address(keeper: Keeper) -> None:
    body = {"name": "测试单位", "kind": "company"}
    path = "member-units/put-here"
    found = keeper.refused("PUT", path, body, 412, **{"If-Match": '"x.0123456789abcdef"'})
    assert found == {"": "precondition_failed"}
    assert keeper.refused("PUT", path, {**body, "slug": "other"}, 400) == {"/slug": "permanent"}
    assert keeper.send("PUT", path, {**body, "change_reason": "test"}).status_code == 201
    assert keeper.get(path)["name"] == "测试单位"
    assert keeper.refused("PUT", path, body, 412, **{"If-None-Match": "*"}) == {"": "precondition_failed"}
    assert keeper.refused("PUT", path, body, 428) == {"": "precondition_required"}


def test_a_write_on_the_condition_of_something_else_leaves_the_record(keeper: Keeper) -> None:
    """Case 32 of public-reports.md; RFC 9110, 13.1.2."""
    path = f"alliances/{AllianceFactory(slogan='旧').slug}"
    full = {name: keeper.get(path)[name] for name in ("name", "kind", "status")}
    tag = keeper.tag(path)
    bodies: dict[str, dict[str, str]] = {"PATCH": {"slogan": "新"}, "PUT": {**full, "slogan": "新"}, "DELETE": {}}
    for method, body in bodies.items():
        for given in ("*", " * ", tag, f"W/{tag}", f'"x", {tag}'):
            found = keeper.refused(method, path, body, 412, **{"If-Match": tag, "If-None-Match": given})
            assert found == {"": "precondition_failed"}
    assert keeper.get(path)["slogan"] == "旧"
    for method in ("PATCH", "PUT", "DELETE"):
        other = '"x", "0123456789abcdef0123456789abcdef.0123456789abcdef"'
        keeper.write(method, path, bodies[method], 204 if method == "DELETE" else 200, **{"If-None-Match": other})
    # Where there is none, the condition holds.
    body = {**full, "change_reason": "test"}
    assert keeper.send("PUT", "alliances/made-here", body, **{"If-None-Match": "*"}).status_code == 201


# Deleting ---------------------------------------------------------------------------------------------------------


def test_a_record_is_deleted_unless_others_point_at_it(keeper: Keeper) -> None:
    membership = MembershipFactory()
    unit, alliance = f"member-units/{membership.unit.slug}", f"alliances/{membership.alliance.slug}"
    found = keeper.refused("DELETE", unit, {}, 409, **{"If-Match": keeper.tag(unit)})
    assert found == {"": "referenced"}
    dry = keeper.write("DELETE", f"{alliance}?dry_run=true", {})
    told = [(each["resource"], each["key"], each["operation"]) for each in dry["changes"]]
    assert told[0] == ("alliances", membership.alliance.slug, "delete")
    assert ("memberships", membership.slug, "delete") in told
    assert keeper.get(alliance)
    keeper.write("DELETE", alliance, {}, 204)
    assert keeper.send("GET", alliance).status_code == 404
    assert keeper.send("GET", f"memberships/{membership.slug}").status_code == 404
    response = keeper.send("DELETE", f"{unit}?change_reason=gone", **{"If-Match": keeper.tag(unit)})
    assert response.status_code == 204


def test_the_last_citation_of_a_published_record_cannot_be_deleted(keeper: Keeper) -> None:
    citation = AwardFactory(name="测试奖").citations.get()
    connection.check_constraints()  # as when a transaction of its own made the award
    path = f"citations/{citation.slug}"
    found = keeper.refused("DELETE", path, {}, 409, **{"If-Match": keeper.tag(path)})
    assert found == {"/citations": "last_evidence", "/name": "last_evidence"}


# Reasons and dry runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, "", "  ", 7, "x" * 1001])
def test_a_write_says_why(keeper: Keeper, reason: Any) -> None:
    body = {"name": "测试单位", "kind": "company", "change_reason": reason}
    found = keeper.refused("POST", "member-units", body, 400)
    assert set(found) == {"/change_reason"}


def test_the_reason_stands_in_the_log(keeper: Keeper) -> None:
    keeper.write("POST", "member-units", {"name": "测试单位", "kind": "company", "change_reason": "因为"}, 201)
    assert LoggedChange.objects.latest("number").reason == "因为"


def test_a_dry_run_tells_what_would_be_and_keeps_nothing(keeper: Keeper) -> None:
    body = {"name": "测试单位", "kind": "company", "slug": "dry"}
    dry = keeper.write("POST", "member-units?dry_run=true", body)
    assert dry["record"]["url"] == "/api/v1/member-units/dry"
    assert {"field": "name", "before": None, "after": "测试单位"} in dry["changes"][0]["fields"]
    assert not MemberUnit.objects.filter(slug="dry").exists()
    found = keeper.refused("POST", "member-units?dry_run=true", {**body, "state": "published"}, 400)
    assert found == dict.fromkeys(["/name", "/kind"], "no_evidence")
    unit = MemberUnitFactory(summary="甲")
    before = stored(unit)
    dry = keeper.write("PATCH", f"member-units/{unit.slug}?dry_run=true", {"summary": "乙"})
    assert dry["changes"][0]["fields"] == [{"field": "summary", "before": "甲", "after": "乙"}]
    assert stored(unit) == before


# Who may ----------------------------------------------------------------------------------------------------------


def test_who_is_not_appointed_reads_and_does_not_write(api: Api, keeper: Keeper) -> None:
    unit = MemberUnitFactory()
    for method, path in (("POST", "member-units"), ("PUT", f"member-units/{unit.slug}"), ("DELETE", "member-units/x")):
        response = api.client.generic(method, f"/api/v1/{path}", data="{}", content_type="application/json")
        assert response.status_code in (401, 403)
    reader = Keeper(UserFactory())
    assert reader.refused("POST", "member-units", {"name": "x", "kind": "company"}, 403) == {"": "permission_denied"}


# Sending again ----------------------------------------------------------------------------------------------------


def test_a_post_with_the_same_key_gives_the_same_answer_and_one_record(keeper: Keeper) -> None:
    body = {"name": "测试一次", "kind": "company", "change_reason": "test"}
    first, again = (keeper.send("POST", "member-units", body, **{"Idempotency-Key": "k1"}) for _time in range(2))
    assert first.status_code == again.status_code == 201
    assert (first.content, first.headers["Location"]) == (again.content, again.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert MemberUnit.objects.filter(name="测试一次").count() == 1
    other = {**body, "name": "测试二次"}
    assert keeper.refused("POST", "member-units", other, 422, **{"Idempotency-Key": "k1"}) == {"": "key_reused"}
    somebody = Keeper(UserFactory(is_staff=True, is_superuser=True))
    assert somebody.send("POST", "member-units", other, **{"Idempotency-Key": "k1"}).status_code == 201


def test_an_error_is_not_kept(keeper: Keeper) -> None:
    key = {"Idempotency-Key": "k2"}
    keeper.refused("POST", "member-units", {"kind": "company"}, 400, **key)
    assert keeper.write("POST", "member-units", {"name": "测试", "kind": "company"}, 201, **key)


# Many at once -----------------------------------------------------------------------------------------------------


def test_many_records_are_made_or_none(keeper: Keeper) -> None:
    items: list[dict[str, Any]] = [{"name": f"测试第{number}", "kind": "company"} for number in range(5)]
    made = keeper.write("POST", "member-units/bulk", {"items": items}, 201)
    assert [each["operation"] for each in made["changes"]] == ["insert"] * 5
    assert MemberUnit.objects.filter(slug__in=[each["key"] for each in made["changes"]]).count() == 5
    items[1] = {"name": "好的", "kind": "nothing"}
    items[3] = {"kind": "company"}
    items[4]["slug"] = made["changes"][0]["key"]
    items.append({**items[0], "slug": "just-once"})
    items.append({**items[0], "slug": "just-once"})
    found = keeper.refused("POST", "member-units/bulk", {"items": items}, 400)
    assert found == {
        "/items/1/kind": "invalid_choice",
        "/items/3/name": "required",
        "/items/4/slug": "unique",
        "/items/6/slug": "unique",
    }
    assert not MemberUnit.objects.filter(slug="just-once").exists()


def test_many_records_are_changed_as_they_were_read(keeper: Keeper) -> None:
    units = [MemberUnitFactory() for _number in range(3)]
    items = [
        {"slug": unit.slug, "updated_at": keeper.get(f"member-units/{unit.slug}")["updated_at"], "summary": "新"}
        for unit in units
    ]
    without = [{**items[0]}, {**items[0]}, {"summary": "x"}, {"slug": "nothing", "updated_at": ""}]
    assert keeper.refused("PATCH", "member-units/bulk", {"items": without}, 400) == {
        "/items/1/slug": "doubled",
        "/items/2/slug": "required",
        "/items/3/slug": "unknown_key",
    }
    unread = [{"slug": units[0].slug, "summary": "x"}]
    found = keeper.refused("PATCH", "member-units/bulk", {"items": unread}, 428)
    assert found == {"/items/0/updated_at": "required"}
    keeper.write("PATCH", "member-units/bulk", {"items": items})
    assert set(MemberUnit.objects.filter(pk__in=[unit.pk for unit in units]).values_list("summary", flat=True)) == {
        "新"
    }
    assert keeper.refused("PATCH", "member-units/bulk", {"items": items}, 412)["/items/0/updated_at"] == "stale"


def test_many_records_are_deleted_or_none(keeper: Keeper) -> None:
    free, used = MemberUnitFactory(), MembershipFactory().unit
    items = [
        {name: keeper.get(f"member-units/{unit.slug}")[name] for name in ("slug", "updated_at")}
        for unit in (free, used)
    ]
    assert keeper.refused("DELETE", "member-units/bulk", {"items": items}, 409) == {"/items/1": "referenced"}
    assert MemberUnit.objects.filter(pk=free.pk).exists()
    keeper.write("DELETE", "member-units/bulk", {"items": items[:1]})
    assert not MemberUnit.objects.filter(pk=free.pk).exists()


@pytest.mark.parametrize("items", [None, [], {}, [{}] * 501, [1]])
def test_a_list_that_is_none_or_too_long_is_refused(keeper: Keeper, items: Any) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        assert keeper.send(method, "member-units/bulk", {"items": items, "change_reason": "x"}).status_code == 400
