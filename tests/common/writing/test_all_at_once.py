"""All that is wrong in a body is told at once, each with its place, and nothing that another error has caused."""

import hashlib
from typing import Any

import pytest

from apps.registry.models import Alliance, MemberUnit
from tests.factories import (
    AllianceFactory,
    MembershipFactory,
    MemberUnitFactory,
    UserFactory,
)
from tests.saying import article_with
from tests.writing import Keeper


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def told(answer: Any, status: int = 400) -> dict[str, str]:
    """Return the codes of an answer's errors by their places, none of which stands there twice."""
    assert answer.status_code == status, answer.content.decode()
    errors = answer.json()["errors"]
    found = {error["pointer"]: error["code"] for error in errors}
    assert len(found) == len(errors), errors
    return found


WRONG = {
    "nothing": 1,  # a member that there is not
    "summary": 7,  # the wrong type
    "membership_count": 9,  # only read
    "kind": "nothing",  # no value of the vocabulary
    "name": "x" * 201,  # against a rule of the field
    "slug": "Bad Slug",
    "street": "nowhere",  # no record
    "state": "published",  # without evidence, but for these:
    "citations": [{"article": "nowhere", "start": "x"}, {"url": "/api/v1/citations/none"}, 7],
}
EXPECTED = {
    "/nothing": "unknown_field",
    "/summary": "not_a_text",
    "/membership_count": "read_only",
    "/kind": "invalid_choice",
    "/name": "max_length",
    "/slug": "invalid",
    "/street": "unknown_key",
    "/citations/0/article": "unknown_key",
    "/citations/0/start": "not_an_integer",
    "/citations/0/end": "required",
    "/citations/0/sha256": "required",
    "/citations/0/supports": "required",
    "/citations/1/url": "unknown_key",
    "/citations/2": "not_an_object",
    "/change_reason": "required",
}


def test_all_of_a_new_record_is_told(keeper: Keeper) -> None:
    assert told(keeper.send("POST", "member-units", WRONG)) == EXPECTED
    without = {name: value for name, value in WRONG.items() if name != "citations"}
    found = told(keeper.send("POST", "member-units", {**without, "change_reason": "x"}))
    rest = {place: code for place, code in EXPECTED.items() if not place.startswith(("/citations", "/change_reason"))}
    assert found == {**rest, "/citations": "no_evidence"}
    assert not MemberUnit.objects.filter(summary="7").exists()


def test_all_of_a_change_is_told(keeper: Keeper) -> None:
    unit = MemberUnitFactory(name="测试原名")
    path = f"member-units/{unit.slug}"
    for method in ("PATCH", "PUT"):
        found = told(keeper.send(method, path, WRONG, **{"If-Match": keeper.tag(path)}))
        assert found == {**EXPECTED, "/slug": "permanent"}
    unit.refresh_from_db()
    assert unit.name == "测试原名"
    # Which version is meant is asked before what is to be done with it.
    assert keeper.refused("PATCH", path, WRONG, 428) == {"": "precondition_required"}


def test_all_of_many_is_told(keeper: Keeper) -> None:
    unit = MemberUnitFactory()
    found = told(keeper.send("POST", "member-units/bulk", {"items": [WRONG, {"name": "测试好的", "kind": "company"}]}))
    assert found == {
        (place if place == "/change_reason" else f"/items/0{place}"): code for place, code in EXPECTED.items()
    }
    assert not MemberUnit.objects.filter(name="测试好的").exists()
    seen = keeper.get(f"member-units/{unit.slug}")["updated_at"]
    items = [
        {"slug": unit.slug, "updated_at": seen, "kind": "nothing", "nothing": 1},
        {"slug": "nobody", "updated_at": seen, "kind": "nothing", "nothing": 1},
        {"kind": "nothing"},
    ]
    assert told(keeper.send("PATCH", "member-units/bulk", {"items": items})) == {
        "/items/0/kind": "invalid_choice",
        "/items/0/nothing": "unknown_field",
        "/items/1/slug": "unknown_key",
        "/items/1/kind": "invalid_choice",
        "/items/1/nothing": "unknown_field",
        "/items/2/slug": "required",
        "/items/2/kind": "invalid_choice",
        "/change_reason": "required",
    }
    gone = [{"slug": "nobody", "updated_at": seen, "kind": "company"}]
    assert told(keeper.send("DELETE", "member-units/bulk", {"items": gone})) == {
        "/items/0/slug": "unknown_key",
        "/items/0/kind": "unknown_field",
        "/change_reason": "required",
    }


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00\\ud800", "\\u0000"])
@pytest.mark.parametrize("way", ["POST", "PATCH", "DELETE"])
def test_texts_that_nothing_can_hold_are_refused_wherever_they_stand(keeper: Keeper, way: str, text: str) -> None:
    key = MemberUnitFactory().slug
    one = "member-units" if way == "POST" else f"member-units/{key}"
    for path in ("member-units/bulk", one):
        for body in (
            f'{{"{text}": 1}}',
            f'{{"items": [{{"{text}": "{text}", "slug": "{text}", "name": "{text}", "street": "{text}"}}]}}',
            f'{{"items": [{{"slug": "{key}", "key": "{text}", "citations": [{{"{text}": "{text}"}}]}}]}}',
            f'{{"slug": "{text}", "name": "{text}", "street": "{text}", "citations": [{{"article": "{text}"}}]}}',
        ):
            if way == "DELETE" and path == one:
                continue  # has no body
            assert keeper.send(way, path, body, **{"If-Match": "*"}).status_code == 400, body


def test_what_is_no_value_of_json_is_told_with_the_rest(keeper: Keeper) -> None:
    body = '{"name": "a\\u0000", "kind": "nothing", "summary": 1e999, "slug": 7, "slug": "b", "nothing": "\\ud800"}'
    assert told(keeper.send("POST", "member-units", body)) == {
        "/name": "invalid_text",
        "/kind": "invalid_choice",
        "/summary": "out_of_range",
        "/slug": "doubled",
        "/nothing": "invalid_text",
        "/change_reason": "required",
    }
    many = '{"items": [{"name": NaN, "kind": "nothing"}, 7, {"name": "x"}], "nothing": 1, "change_reason": "\\u0000"}'
    assert told(keeper.send("POST", "member-units/bulk", many)) == {
        "/items/0/name": "not_json",
        "/change_reason": "invalid_text",
        "/items/1": "not_an_object",
        "/nothing": "unknown_field",
    }
    items = '{"items": [{"name": NaN, "kind": "nothing"}, {"name": "x", "kind": 1}]}'
    assert told(keeper.send("POST", "member-units/bulk", items)) == {
        "/items/0/name": "not_json",
        "/items/0/kind": "invalid_choice",
        "/items/1/kind": "not_a_text",
        "/change_reason": "required",
    }
    for broken in ("{", "[1", '{"a": 1}x', '{"a":' * 50 + "1" + "}" * 50):
        assert len(told(keeper.send("POST", "member-units", broken))) == 1


def test_rules_between_fields_are_told_where_the_fields_are_right(keeper: Keeper) -> None:
    """A member cannot leave before it joins: that is told beside an error elsewhere, and not where a date is wrong."""
    membership = MembershipFactory()
    places = {"unit": membership.unit.slug, "alliance": membership.alliance.slug, "role": membership.role}
    dates = {"joined_on": "2013", "left_on": "2012"}
    assert told(keeper.send("POST", "memberships", {**places, **dates, "nothing": 1})) == {
        "/nothing": "unknown_field",
        "/left_on": "invalid",
        "/change_reason": "required",
    }
    found = told(keeper.send("POST", "memberships", {**places, **dates, "unit": "nobody"}))
    assert (found["/unit"], found["/left_on"]) == ("unknown_key", "invalid")
    found = told(keeper.send("POST", "memberships", {**places, **dates, "joined_on": "yesterday"}))
    assert (found["/joined_on"], "/left_on" in found) == ("edtf", False)
    found = told(keeper.send("POST", "memberships", {**places, **dates, "joined_on": 2013}))
    assert (found["/joined_on"], "/left_on" in found) == ("not_a_text", False)


def test_a_rule_of_the_row_is_told_beside_errors_of_others(keeper: Keeper) -> None:
    proposed = {"name": "甲", "kind": "pair", "status": "proposed", "founded_on": "2012", "slogan": 7}
    assert told(keeper.send("POST", "alliances", {**proposed, "change_reason": "x"})) == {
        "/slogan": "not_a_text",
        "": "invalid",
    }
    unsaid = {**proposed, "status": "nothing", "change_reason": "x"}
    assert told(keeper.send("POST", "alliances", unsaid)) == {"/slogan": "not_a_text", "/status": "invalid_choice"}


def test_what_is_there_already_is_told_beside_errors_of_others(keeper: Keeper) -> None:
    there = AllianceFactory(slug="there-already")
    body = {"name": "测试", "kind": "pair", "status": "active", "slug": there.slug, "change_reason": "x"}
    assert told(keeper.send("POST", "alliances", body), 409) == {"/slug": "unique"}
    assert told(keeper.send("POST", "alliances", {**body, "slogan": 7})) == {"/slug": "unique", "/slogan": "not_a_text"}


def test_all_citations_are_told(keeper: Keeper) -> None:
    article, digest = article_with("测试引文，一家公司。"), hashlib.sha256("测试引文".encode()).hexdigest()
    good = {"article": article.slug, "start": 0, "end": 4, "sha256": digest, "supports": ["name"]}
    body = {"name": "测试引文", "kind": "company", "state": "published", "change_reason": "x"}
    wrong = [
        {**good, "end": 99},
        {**good, "supports": ["nothing"]},
        {**good, "quotation": "xxxx", "sha256": None},
        good,
    ]
    expected = {
        "/citations/0/end": "invalid",
        "/citations/1/supports": "invalid",
        "/citations/2/sha256": "null",
    }
    assert told(keeper.send("POST", "member-units", {**body, "citations": wrong})) == expected
    found = told(keeper.send("POST", "member-units", {**body, "kind": "nothing", "citations": wrong}))
    assert found == {**expected, "/kind": "invalid_choice"}
    assert not MemberUnit.objects.filter(name="测试引文").exists()
    keeper.write("POST", "member-units", {**body, "citations": [good]}, 201)


def test_all_of_a_merge_is_told(keeper: Keeper) -> None:
    path = f"alliances/{AllianceFactory().slug}"
    body = {"into": "nobody", "fill": "x", "nothing": 1}
    assert told(keeper.send("POST", f"{path}/merge", body, **{"If-Match": keeper.tag(path)})) == {
        "/into": "unknown_key",
        "/fill": "not_a_list",
        "/nothing": "unknown_field",
        "/change_reason": "required",
    }


def test_all_of_a_subscription_and_a_reversion_is_told(keeper: Keeper) -> None:
    body = {"resource": "alliances", "filters": {"kind": "nothing", "nothing": "x"}, "endpoint": "ftp://x", "other": 1}
    assert set(told(keeper.send("POST", "webhooks", body))) == {
        "/filters/kind",
        "/filters/nothing",
        "/endpoint",
        "/other",
    }
    made = keeper.send("POST", "alliances", {"name": "测试", "kind": "pair", "status": "active", "change_reason": "x"})
    path = f"changes/{made.headers['X-Change-ID']}/revert"
    assert told(keeper.send("POST", path, {"nothing": 1})) == {
        "/nothing": "unknown_field",
        "/change_reason": "required",
    }


def test_an_import_tells_all_of_a_row(keeper: Keeper) -> None:
    unit = MemberUnitFactory()
    rows = f"slug,name,kind,street\r\n,{'x' * 201},nothing,nowhere\r\n{unit.slug},{'x' * 201},nothing,nowhere\r\n"
    answer = keeper.client.post("/api/v1/member-units/import?change_reason=x", rows.encode(), content_type="text/csv")
    assert told(answer) == {
        f"/rows/{row}/{name}": code
        for row in (2, 3)
        for name, code in (("name", "max_length"), ("kind", "invalid_choice"), ("street", "unknown_key"))
    }


def test_a_stranger_learns_nothing_by_being_wrong(keeper: Keeper) -> None:
    """Who may not edit a record is told no rule that its stored values break together with the body."""
    alliance = AllianceFactory(status="proposed")
    path = f"alliances/{alliance.slug}"
    stranger = Keeper(UserFactory())
    answer = stranger.send("PATCH", path, {"founded_on": "2012", "slogan": 7}, **{"If-Match": keeper.tag(path)})
    assert (answer.status_code, answer.json().get("errors")) == (403, None)
    assert Alliance.objects.get(pk=alliance.pk).slogan == alliance.slogan


# Conditions -----------------------------------------------------------------------------------------------------------


def test_post_makes_only_what_is_not_there(keeper: Keeper) -> None:
    there = AllianceFactory()
    body = {"name": "测试条件", "kind": "pair", "status": "active", "slug": there.slug, "change_reason": "x"}
    none = {"If-None-Match": "*"}
    assert keeper.send("POST", "alliances", body).status_code == 409
    assert keeper.refused("POST", "alliances", body, 412, **none) == {"": "precondition_failed"}
    assert keeper.send("POST", "alliances", {**body, "slug": "made-on-condition"}, **none).status_code == 201
    del body["slug"]
    assert keeper.send("POST", "alliances", body, **none).status_code == 201
    many = {"items": [{**body, "slug": "made-in-bulk"}, {**body, "slug": there.slug}], "change_reason": "x"}
    for item in many["items"]:
        del item["change_reason"]
    found = keeper.refused("POST", "alliances/bulk", many, 412, **none)
    assert found == {"/items/1": "unique"}
    assert not Alliance.objects.filter(slug="made-in-bulk").exists()
    many["items"].pop()
    assert keeper.send("POST", "alliances/bulk", many, **none).status_code == 201


def test_conditions_hold_for_each_record_of_many(keeper: Keeper) -> None:
    rows = [AllianceFactory(state="draft"), AllianceFactory(state="draft")]
    paths = [f"alliances/{row.slug}" for row in rows]
    tags = [keeper.tag(path) for path in paths]
    items = [
        {"slug": row.slug, "updated_at": keeper.get(path)["updated_at"]} for row, path in zip(rows, paths, strict=True)
    ]
    for headers, places in (
        ({"If-None-Match": "*"}, {"/items/0", "/items/1"}),
        ({"If-None-Match": f"W/{tags[1]}"}, {"/items/1"}),
        ({"If-Match": tags[0]}, {"/items/1"}),
        ({"If-Match": f"W/{tags[0]}, {tags[1]}"}, {"/items/0"}),
        ({"If-Match": '"x"'}, {"/items/0", "/items/1"}),
    ):
        for method in ("PATCH", "DELETE"):
            assert set(keeper.refused(method, "alliances/bulk", {"items": items}, 412, **headers)) == places
    changed = [{**item, "slogan": "新"} for item in items]
    for headers in ({"If-Match": ", ".join(tags)}, {"If-Match": "*"}, {"If-None-Match": '"x"'}):
        dry = keeper.send("PATCH", "alliances/bulk?dry_run=true", {"items": changed, "change_reason": "x"}, **headers)
        assert dry.status_code == 200
    assert not Alliance.objects.filter(pk__in=[row.pk for row in rows], slogan="新").exists()


def test_a_weak_tag_is_refused_with_the_reason(keeper: Keeper) -> None:
    path = f"alliances/{AllianceFactory().slug}"
    body = {"slogan": "新", "change_reason": "x"}
    answer = keeper.send("PATCH", path, body, **{"If-Match": f"W/{keeper.tag(path)}"})
    assert (answer.status_code, "weak" in answer.json()["detail"]) == (412, True)


def test_a_webhook_is_ended_on_conditions_too(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.webhooks.serializers.check", lambda _address: None)
    made = keeper.send("POST", "webhooks", {"resource": "alliances", "endpoint": "http://127.0.0.1:1/"})
    assert made.status_code == 201
    path = f"webhooks/{made.json()['key']}"
    for headers in ({"If-None-Match": "*"}, {"If-Match": '"x"'}, {"If-Match": 'W/"x"'}):
        assert keeper.send("DELETE", path, **headers).status_code == 412
        assert keeper.send("POST", f"{path}/pause", {}, **headers).status_code == 412
    assert keeper.send("GET", path).json()["state"] == "active"
    assert keeper.send("DELETE", path, **{"If-Match": "*", "If-None-Match": '"x"'}).status_code == 204


def test_who_is_known_is_not_sent_what_he_has(keeper: Keeper) -> None:
    path = f"alliances/{AllianceFactory().slug}"
    tag = keeper.tag(path)
    for given, status in ((tag, 304), (f"W/{tag}", 304), ("*", 304), ('"x"', 200)):
        answer = keeper.send("GET", path, **{"If-None-Match": given})
        assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
        assert answer.headers["Cache-Control"] == "private, no-cache"
    assert keeper.send("GET", "alliances", **{"If-None-Match": "*"}).status_code == 304
    assert keeper.send("GET", "alliances/nobody", **{"If-None-Match": "*"}).status_code == 404
    assert keeper.send("GET", "alliances?nothing=1", **{"If-None-Match": "*"}).status_code == 400
