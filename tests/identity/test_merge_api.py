"""The verb `merge` over HTTP: what it answers, who may, and what it refuses."""

# mypy: allow-untyped-calls

from typing import Any

import pytest

from apps.identity.models import Merge
from apps.registry.models import MemberUnit
from tests.conftest import Api
from tests.factories import (
    DIGEST_OF_X,
    AllianceFactory,
    AppointmentFactory,
    ArticleFactory,
    MembershipFactory,
    MemberUnitFactory,
    StreetFactory,
    UserFactory,
    rest,
)
from tests.writing import Keeper


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def unite(keeper: Keeper, loser: Any, winner: Any, status: int = 200, query: str = "", **body: Any) -> Any:
    """Merge two records over HTTP."""
    path = f"{loser.resource}/{loser.slug}"
    return keeper.write(
        "POST", f"{path}/merge{query}", {"into": winner.slug, **body}, status, If_Match=keeper.tag(path)
    )


def test_a_merge_is_tried_then_done_and_said_to_everybody(keeper: Keeper, api: Api) -> None:
    loser, winner = MemberUnitFactory(name="绝密飞艇厂", summary="造飞艇"), MemberUnitFactory(name="飞艇总厂")
    membership = MembershipFactory(unit=loser)
    citation = {
        "article": ArticleFactory().slug,
        "start": 0,
        "end": 1,
        "sha256": DIGEST_OF_X,
        "supports": ["reason"],
    }
    dry = unite(keeper, loser, winner, query="?dry_run=true", fill=["summary"], citations=[citation])
    assert MemberUnit.objects.filter(pk=loser.pk).exists()
    assert not Merge.objects.exists()
    done = unite(keeper, loser, winner, fill=["summary"], citations=[citation])
    assert done == dry
    assert done["record"]["key"] == winner.slug
    assert {"resource": "memberships", "key": membership.slug, "field": "unit"} in done["moved"]
    assert (done["filled"], done["moved_count"]) == (["summary"], len(done["moved"]))
    shown = api.get(done["merge"])
    assert (shown["reason"], shown["record"]["key"], shown["merged_key"]) == ("test", winner.slug, loser.slug)
    assert f"memberships/{membership.slug}.unit" in shown["moved"]
    assert [row["supports"] for row in shown["citations"]] == [["reason"]]
    assert api.ask(f"member-units/{loser.slug}").status_code == 301
    assert api.get(f"member-units/{winner.slug}")["summary"] == "造飞艇"
    assert api.keys("merges", merged_key=loser.slug) == [done["merge"].rpartition("/")[2]]


def test_a_merge_that_is_sent_again_is_done_once(keeper: Keeper) -> None:
    loser, winner = MemberUnitFactory(), MemberUnitFactory()
    path = f"member-units/{loser.slug}"
    headers = {"If_Match": keeper.tag(path), "Idempotency_Key": "once"}
    first = keeper.write("POST", f"{path}/merge", {"into": winner.slug}, **headers)
    assert keeper.write("POST", f"{path}/merge", {"into": winner.slug}, **headers) == first
    assert Merge.objects.count() == 1
    del headers["Idempotency_Key"]
    assert keeper.refused("POST", f"{path}/merge", {"into": winner.slug}, 409, **headers) == {"": "conflict"}


def test_what_is_wrong_with_a_merge_is_told_at_its_place(keeper: Keeper) -> None:
    loser, winner = MemberUnitFactory(), MemberUnitFactory()
    whole, part = MemberUnitFactory(), MemberUnitFactory()
    MemberUnit.objects.filter(pk=part.pk).update(parent=whole)
    rest(part)
    alliance = AllianceFactory()
    draft = MemberUnitFactory(state="draft", cited=False)

    def refused(record: Any, body: Any, status: int, **headers: str) -> Any:
        path = f"{record.resource}/{record.slug}"
        return keeper.refused("POST", f"{path}/merge", body, status, **{"If_Match": keeper.tag(path), **headers})

    assert refused(loser, {}, 400) == {"/into": "required"}
    assert refused(loser, {"into": 5}, 400) == {"/into": "required"}
    assert refused(loser, {"into": "no-such"}, 400) == {"/into": "unknown_key"}
    assert refused(loser, {"into": "a\0b"}, 400)
    assert refused(loser, {"into": f"alliances/{alliance.slug}"}, 400) == {"/into": "not_mergeable"}
    assert refused(loser, {"into": loser.slug}, 400) == {"/into": "not_mergeable"}
    assert refused(loser, {"into": draft.slug}, 409) == {"/into": "not_mergeable"}
    assert refused(whole, {"into": part.slug}, 409) == {"/into": "not_mergeable"}
    assert refused(loser, {"into": winner.slug, "intto": 1}, 400) == {"/intto": "unknown_field"}
    assert refused(loser, {"into": winner.slug, "fill": "summary"}, 400) == {"/fill": "not_a_list"}
    assert refused(loser, {"into": winner.slug, "fill": ["summary"]}, 400) == {"/fill": "not_mergeable"}
    assert refused(loser, {"into": winner.slug, "change_reason": " "}, 400) == {"/change_reason": "required"}
    assert refused(loser, {"into": winner.slug}, 412, If_Match='"0.0"') == {"": "precondition_failed"}
    assert refused(loser, {"into": winner.slug, "citations": [{}]}, 400)
    path = f"member-units/{loser.slug}/merge"
    assert keeper.refused("POST", path, {"into": winner.slug}, 428) == {"": "precondition_required"}
    assert keeper.refused("POST", "member-units/no-such/merge", {"into": winner.slug}, 404) == {"": "not_found"}
    assert keeper.refused("POST", "districts/310110/merge", {"into": "310109"}, 404) == {"": "not_found"}
    assert keeper.send("GET", path).status_code == 405
    assert keeper.send("POST", "merges", {"change_reason": "x"}).status_code == 405
    assert not Merge.objects.exists()
    unite(keeper, loser, winner)
    assert refused(whole, {"into": loser.slug}, 400) == {"/into": "unknown_key"}  # a record that was merged


def test_a_merge_needs_the_right_to_edit_both(db: None, api: Api) -> None:
    here, there = StreetFactory(), StreetFactory()
    mine, mine_too, foreign = (MemberUnitFactory(street=street) for street in (here, here, there))
    curator = Keeper(AppointmentFactory(role="curator", street=here).user)
    for loser, winner in ((mine, foreign), (foreign, mine)):
        path = f"member-units/{loser.slug}"
        tag = api.ask(path)["ETag"]
        assert curator.refused("POST", f"{path}/merge", {"into": winner.slug}, 403, If_Match=tag)
    nobody = api.client.post(f"/api/v1/member-units/{mine.slug}/merge", {"into": mine_too.slug}, "application/json")
    assert nobody.status_code == 401
    assert Keeper(UserFactory()).refused("POST", f"member-units/{mine.slug}/merge", {"into": mine_too.slug}, 403)
    unite(curator, mine, mine_too)
    assert not MemberUnit.objects.filter(pk=mine.pk).exists()
