"""A name in the place of a key: the error says whose it is, to who may see that record."""

import pytest
from django.test import Client

from apps.common.models.unknown_keys import meant, no_record
from apps.registry.models import Alliance, MemberUnit, Street
from tests.conftest import Api
from tests.factories import AllianceFactory, MemberUnitFactory, UnitNameFactory, UserFactory
from tests.writing import Keeper

WHOSE = "“五角场镇” is 310110101."


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("streets/五角场镇", 404),
        ("streets/五角场镇/history", 404),
        ("projects?street=五角场镇", 400),
        ("projects?within=streets/五角场镇", 400),
        ("figures?subject=streets/五角场镇", 400),
        ("projects?format=csv&street=五角场镇", 400),
        ("projects?street=五角场镇&nothing=1", 400),
        ("search?q=a&street=五角场镇", 400),
        ("statistics?street=五角场镇", 400),
        ("network?street=五角场镇", 400),
        ("figures/summary?measure=units_claiming&subject=streets/五角场镇", 400),
    ],
)
def test_a_name_in_the_place_of_a_key_is_told_whose_it_is(api: Api, path: str, status: int) -> None:
    assert WHOSE in api.problem(path, status)["detail"]
    answer = api.client.get(f"/api/v1/{path}", headers={"accept-language": "zh-Hans"})
    assert "“五角场镇”是 310110101。" in answer.json()["detail"]


def test_a_body_is_told_whose_name_it_gives(keeper: Keeper) -> None:
    body = {"name": "测试", "kind": "company", "street": "五角场镇", "change_reason": "x"}
    for method, path, content in (
        ("POST", "member-units", body),
        ("POST", "member-units/bulk", {"items": [body], "change_reason": "x"}),
        ("PATCH", "streets/五角场镇", body),
        ("PUT", "streets/五角场镇", {"change_reason": "x"}),
        ("DELETE", "streets/五角场镇", {"change_reason": "x"}),
    ):
        answer = keeper.send(method, path, content)
        is_made_by_put = method == "PUT"
        assert (WHOSE in answer.content.decode()) is not is_made_by_put, answer.content.decode()
    target = {"measure": "x", "subject": "streets/五角场镇", "change_reason": "x"}
    assert WHOSE in keeper.send("POST", "figures", target).content.decode()
    stale = {"items": [{"code": "五角场镇", "updated_at": ""}], "change_reason": "x"}
    assert WHOSE in keeper.send("PATCH", "streets/bulk", stale).content.decode()
    rows = "name,kind,street\r\n测试,company,五角场镇\r\n"
    answer = keeper.client.post("/api/v1/member-units/import?change_reason=x", rows.encode(), content_type="text/csv")
    assert WHOSE in answer.content.decode()


def test_a_merge_is_told_whose_name_it_gives(keeper: Keeper) -> None:
    one, other = AllianceFactory(name="测试合并前"), AllianceFactory(name="测试合并后")
    path = f"alliances/{one.slug}"
    body = {"into": "测试合并后", "change_reason": "x"}
    answer = keeper.send("POST", f"{path}/merge", body, **{"If-Match": keeper.tag(path)})
    assert (answer.status_code, f"“测试合并后” is {other.slug}." in answer.json()["detail"]) == (400, True)


def test_a_webhook_is_told_whose_name_its_filter_gives(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.webhooks.serializers.check", lambda _address: None)
    body = {"resource": "projects", "filters": {"street": "五角场镇"}, "endpoint": "http://127.0.0.1:1/"}
    assert WHOSE in keeper.send("POST", "webhooks", body).json()["detail"]


@pytest.mark.django_db
def test_no_draft_is_told_to_strangers(api: Api, keeper: Keeper) -> None:
    draft = MemberUnitFactory(name="测试机密单位", state="draft", cited=False)
    told = f"“测试机密单位” is {draft.slug}."
    for path, status in (
        ("member-units/测试机密单位", 404),
        ("claims?unit=测试机密单位", 400),
        ("network?unit=测试机密单位", 400),
    ):
        detail = api.problem(path, status)["detail"]
        assert draft.slug not in detail
        assert " is " not in detail.replace("There is no", "")
        assert told in keeper.send("GET", path).json()["detail"]
    hidden = UnitNameFactory(name="测试密名", state="draft", cited=False).unit
    assert hidden.slug not in api.problem("member-units/测试密名", 404)["detail"]


@pytest.mark.django_db
def test_several_of_a_name_are_told_and_three_at_most() -> None:
    for number in range(5):
        AllianceFactory(name="测试同名", slug=f"alike-{number}")
    detail = no_record(Alliance, "测试同名", None)
    assert detail == ("There is no alliances/测试同名. “测试同名” is the name of several: alike-0, alike-1, alike-2.")


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["五角场鎮", " 五角场镇 ", "wujiaochangzhen", "ＷＵＪＩＡＯＣＨＡＮＧ ZHEN"])
def test_a_name_is_known_as_the_search_knows_it(given: str) -> None:
    assert meant(Street, given, None).endswith(" is 310110101.")


@pytest.mark.django_db
def test_another_name_of_a_unit_is_known() -> None:
    name = UnitNameFactory(name="测试别名")
    assert meant(MemberUnit, "测试别名", None) == f" “测试别名” is {name.unit.slug}."


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", ["", " ", "\0", "\ud800", "五", "310110999", "nobody", "%", "_", "'", "x" * 5000, "\n"]
)
def test_nothing_is_told_of_what_is_nobodys_name(given: str) -> None:
    for model in (Street, Alliance, MemberUnit):
        assert meant(model, given, None) == ""


@pytest.mark.django_db
def test_odd_names_at_every_place_are_no_fault(client: Client) -> None:
    for given in ("%F0%9F%92%A9", "a%2F..%2Fb", "%E2%80%AE", "%22%3E%3Cscript%3E", "%25", "%5C", "_" * 200):
        for path in (f"streets/{given}", f"projects?street={given}", f"projects?within=streets/{given}"):
            assert client.get(f"/api/v1/{path}", SERVER_NAME="localhost").status_code in (400, 404)
