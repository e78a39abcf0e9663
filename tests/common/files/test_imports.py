"""Files of records: what was exported comes back as no change, and every wrong cell is pointed at."""

from typing import Any

import pytest

from apps.common.models.logged_change import LoggedChange
from apps.common.resources.registry import viewsets
from apps.registry.models import MemberUnit
from tests.factories import MemberUnitFactory, StreetFactory, UserFactory
from tests.rows import make_full
from tests.writing import Keeper

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Merges are made by a verb of their own, and changed by nothing.
RESOURCES = sorted(name for name, viewset in viewsets().items() if "post" in viewset.http_method_names)
# Of the long lists, which part is exported.
PARTS = {
    "neighbourhoods": "&street=310110018",
    "streets": "&district=310110",
    "citations": "&article=evidence-of-tests",
}


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def send(keeper: Keeper, resource: str, content: bytes | str, media_type: str = "text/csv", query: str = "") -> Any:
    """Return the answer to an import."""
    path = f"/api/v1/{resource}/import?change_reason=test{query}"
    data = content.encode() if isinstance(content, str) else content
    return keeper.client.post(path, data=data, content_type=media_type)


def errors(response: Any) -> dict[str, str]:
    """Return what was wrong, by pointer."""
    assert response.status_code in (400, 409), response.content.decode()
    return {each["pointer"]: each["code"] for each in response.json()["errors"]}


def exported(keeper: Keeper, resource: str, form: str, labels: str) -> bytes:
    """Return a list as a file: the whole of it, or a part of a long one."""
    asked = PARTS.get(resource, "")
    response = keeper.client.get(f"/api/v1/{resource}?format={form}&labels={labels}{asked}")
    assert response.status_code == 200
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_was_exported_comes_back_as_no_change(keeper: Keeper, resource: str) -> None:
    model = viewsets()[resource].queryset.model
    make_full(model)
    logged, rows = LoggedChange.objects.count(), set(model._base_manager.values_list("pk", "updated_at"))
    for form, media_type, labels in (("csv", "text/csv", "false"), ("xlsx", XLSX, "true")):
        response = send(keeper, resource, exported(keeper, resource, form, labels), media_type)
        assert response.status_code == 200, response.content.decode()[:2000]
        done = response.json()
        assert (done["created"], done["changed"], done["changes"]) == (0, 0, [])
        assert done["unchanged"] > 0
    assert LoggedChange.objects.count() == logged
    assert set(model._base_manager.values_list("pk", "updated_at")) == rows


def test_rows_are_made_and_changed(keeper: Keeper) -> None:
    street, unit = StreetFactory(), MemberUnitFactory(summary="旧")
    content = f"slug,name,kind,street,summary\n{unit.slug},{unit.name},company,{street.code},'=新\n,测试进,company,,\n"
    dry = send(keeper, "member-units", content, query="&dry_run=true").json()
    assert (dry["created"], dry["changed"]) == (1, 1)
    assert not MemberUnit.objects.filter(name="测试进").exists()
    done = send(keeper, "member-units", content).json()
    assert [change["operation"] for change in done["changes"]] == ["insert", "update"]
    unit.refresh_from_db()
    assert (unit.summary, unit.street) == ("=新", street)
    made = keeper.get(f"member-units/{done['changes'][0]['key']}")
    assert (made["name"], made["name_pinyin"]) == ("测试进", MemberUnitFactory(name="测试进").name_pinyin)


def test_every_wrong_cell_is_pointed_at_and_nothing_is_written(keeper: Keeper) -> None:
    unit = MemberUnitFactory()
    content = (
        "slug,name,kind,street\n"
        ",测试进,company,\n,,company,\n,测试出,compani,\n,测试三,company,310110999\n"
        f"{unit.slug},,company,\nsame,甲,company,\nsame,乙,company,\n"
    )
    assert errors(send(keeper, "member-units", content)) == {
        "/rows/1/name": "required",
        "/rows/2/kind": "invalid_choice",
        "/rows/3/street": "unknown_key",
        "/rows/4/name": "required",
        "/rows/6/slug": "doubled",
    }
    assert not MemberUnit.objects.filter(name="测试进").exists()


def test_what_only_the_database_refuses_is_pointed_at_too(keeper: Keeper) -> None:
    content = "name,kind,state\n测试进,company,draft\n测试出,company,published\n"
    assert errors(send(keeper, "member-units", content)) == {"/rows/1/citations": "no_evidence"}


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "text/csv"),
        (b"name,kind\n", "text/csv"),
        (b"\xff\xfe", "text/csv"),
        (b'name,kind\n"a', "text/csv"),
        (b"name,name\na,b\n", "text/csv"),
        (b"nam,kind\na,b\n", "text/csv"),
        (b"name\na,b\n", "text/csv"),
        (b"PK\x03\x04 no", XLSX),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(keeper: Keeper, content: bytes, media_type: str) -> None:
    assert errors(send(keeper, "member-units", content, media_type))


def test_a_file_made_before_a_change_does_not_undo_it(keeper: Keeper) -> None:
    unit = MemberUnitFactory(summary="旧")
    read = keeper.get(f"member-units/{unit.slug}")["updated_at"]
    keeper.write("PATCH", f"member-units/{unit.slug}", {"summary": "新"})
    content = f"slug,name,kind,summary,updated_at\n{unit.slug},{unit.name},company,旧,{read}\n"
    assert errors(send(keeper, "member-units", content)) == {"/rows/0/updated_at": "stale"}
