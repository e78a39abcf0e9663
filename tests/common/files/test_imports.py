"""Files of records: what was exported comes back as no change, and every wrong cell is pointed at."""

import io
from typing import Any

import openpyxl
import pytest
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.common.models.logged_change import LoggedChange
from apps.common.resources.registry import viewsets
from apps.registry.models import MemberUnit
from tests.common.files.books import book, edited, row, sheet
from tests.factories import (
    AppointmentFactory,
    FigureFactory,
    MemberUnitFactory,
    StreetFactory,
    UserFactory,
)
from tests.full import share
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


@pytest.mark.parametrize("resource", share(1, RESOURCES, 3))
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
    street, unit = StreetFactory(), MemberUnitFactory(summary="旧", state="draft")
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
        "/rows/3/name": "required",
        "/rows/4/kind": "invalid_choice",
        "/rows/5/street": "unknown_key",
        "/rows/6/name": "required",
        "/rows/8/slug": "doubled",
    }
    assert not MemberUnit.objects.filter(name="测试进").exists()


def test_what_only_the_database_refuses_is_pointed_at_too(keeper: Keeper) -> None:
    content = "name,kind,state\n测试进,company,draft\n测试出,company,published\n"
    assert errors(send(keeper, "member-units", content)) == dict.fromkeys(
        ["/rows/3/kind", "/rows/3/name"], "no_evidence"
    )


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
    assert errors(send(keeper, "member-units", content)) == {"/rows/2/updated_at": "stale"}


def test_conditions_of_the_headers_hold_for_every_row_that_changes_something(keeper: Keeper) -> None:
    unit, other = MemberUnitFactory(summary="旧"), MemberUnitFactory(summary="旧")
    lines = [f"{each.slug},{each.name},company,新" for each in (unit, other)]
    content = "\n".join(["slug,name,kind,summary", *lines]).encode()
    tags = [keeper.tag(f"member-units/{each.slug}") for each in (unit, other)]

    def sent(body: bytes, **headers: str) -> tuple[int, dict[str, str]]:
        answer = keeper.client.post(
            "/api/v1/member-units/import?change_reason=test&dry_run=true",
            body,
            content_type="text/csv",
            headers=headers,
        )
        found = answer.json()
        return answer.status_code, {each["pointer"]: each["code"] for each in found.get("errors", [])}

    assert sent(content, if_match=", ".join(tags)) == (200, {})
    assert sent(content, if_match="*") == (200, {})
    assert sent(content, if_match=tags[0]) == (412, {"/rows/3": "stale"})
    assert sent(content, if_none_match="*") == (412, {"/rows/2": "stale", "/rows/3": "stale"})
    assert sent(content.replace("新".encode(), "旧".encode()), if_match='"other"') == (200, {})  # changes nothing
    with override_settings(IMPORT_ROWS_AT_ONCE=1):
        assert sent(content, if_match=", ".join(tags)) == (412, {})
        assert sent(content)[0] == 202


# Every text that a record can hold ------------------------------------------------------------------------------------

ODD = [
    "甲\r\n乙", "a\rb", "a\nb", "\r", "\n", "\t", " ", " a ", "\u000b", "\u0001", "\u001f", "\u007f", "\u0085",
    "\u2028", "\ufffe", "\uffff", "\u200b", "\u3000", "\ufeff", "😀", "\U0010ffff",
    "_x0041_", "_x000D_", "_x005F_", "_x0041_x0042_", "_x005F_x0041_", "a_x000d_\r",
    "<r>a</r>", "<r><t>a</t></r>", "&amp;", "]]>",
    "=1+1", "'=1", "'", "''", "+1", "-1", "@a", "\ufeff=1", "＝1", '"', '""', 'a,"b"', "a;b", ";", "sep=,",
    "007", "1e5", "12345678901234567890", "0x10", "TRUE", "#N/A", "2023-07-06", "NULL", "\\N", "\\.", "100%", "%s",
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
SOUP = st.lists(st.sampled_from([*ODD, "_", "x", "0041", "\r", "\n", ",", "'"]), max_size=6).map("".join)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(ODD)
@given(st.lists(TEXTS | SOUP, min_size=1, max_size=60))
def test_whatever_a_text_holds_comes_back_as_no_change(keeper: Keeper, texts: list[str]) -> None:
    """Case 2, for the file of every kind."""
    street = StreetFactory()
    units = [MemberUnitFactory(street=street, cited=False, state="draft") for _text in texts]
    for unit, text in zip(units, texts, strict=True):
        # Below the rules of the model, for other records may hold what these units may not.
        type(unit).objects.filter(pk=unit.pk).update(summary=text)
    for form, media_type in (("csv", "text/csv"), ("xlsx", XLSX)):
        response = keeper.client.get(f"/api/v1/member-units?street={street.code}&format={form}")
        done = send(keeper, "member-units", b"".join(response.streaming_content), media_type, "&dry_run=true").json()
        assert (done["created"], done["changed"], done["unchanged"]) == (0, 0, len(texts)), done


@pytest.mark.parametrize("value", ["0", "0.1", "0.01", "9999999999999.99", "1234567890123", "0.3"])
def test_whatever_a_number_is_comes_back_as_no_change(keeper: Keeper, value: str) -> None:
    FigureFactory(value=value)
    for form, media_type in (("csv", "text/csv"), ("xlsx", XLSX)):
        done = send(keeper, "figures", exported(keeper, "figures", form, "false"), media_type).json()
        assert done["changed"] == 0
        assert done["unchanged"] > 0


def test_a_curator_may_send_back_what_was_exported(db: None) -> None:
    """Case 27: an unchanged row needs no right."""
    own, foreign = StreetFactory(), StreetFactory()
    mine, theirs = MemberUnitFactory(street=own, summary="旧"), MemberUnitFactory(street=foreign, summary="旧")
    curator = Keeper(AppointmentFactory(role="curator", street=own).user)
    rows = "slug,name,kind,street,summary\n{0.slug},{0.name},{0.kind},{1},{2}\n{3.slug},{3.name},{3.kind},{4},{5}\n"
    same = rows.format(mine, own.code, "旧", theirs, foreign.code, "旧")
    assert send(curator, "member-units", same).json()["unchanged"] == 2
    changed = rows.format(mine, own.code, "新", theirs, foreign.code, "旧")
    done = send(curator, "member-units", changed).json()
    assert (done["changed"], done["unchanged"]) == (1, 1)
    refused = send(curator, "member-units", rows.format(mine, own.code, "新", theirs, foreign.code, "新"))
    assert errors(refused) == {"/rows/3": "permission_denied"}


# What is refused, and where -------------------------------------------------------------------------------------------


def workbook(*rows: Any) -> bytes:
    """Return a workbook as openpyxl writes it."""
    made = openpyxl.Workbook()
    for cells in rows:
        made.active.append(cells)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_rows_are_named_as_a_spreadsheet_shows_them(keeper: Keeper, form: str) -> None:
    """Case 6, for each kind of error."""
    unit = MemberUnitFactory()
    lines = [
        "slug,name,kind,updated_at",
        "",
        f"{unit.slug},新名,company,2020-01-01T00:00:00.000000Z",
        ",,,",
        ",乙,compny,",
        "",
        "same,丙,company,",
        "same,丁,company,",
        ",戊,company,",
        ",戊,company,",
    ]
    content = "\n".join(lines).encode() if form == "csv" else workbook(*(line.split(",") for line in lines))
    media_type = "text/csv" if form == "csv" else XLSX
    assert errors(send(keeper, "member-units", content, media_type)) == {
        "/rows/3/updated_at": "stale",
        "/rows/5/kind": "invalid_choice",
        "/rows/8/slug": "doubled",
        "/rows/10": "doubled",
    }
    wide = content.replace(b",,,", b",,,,x") if form == "csv" else workbook(["name"], [], ["a", "b"])
    assert errors(send(keeper, "member-units", wide, media_type)) == {f"/rows/{4 if form == 'csv' else 3}": "too_long"}


def test_a_cell_without_a_value_is_refused_where_it_would_be_read(keeper: Keeper) -> None:
    """Cases 3 and 4."""
    formula = '=CONCATENATE("测","试")'
    content = workbook(["name", "kind"], ["甲", "company"], [formula, "company"], ["#N/A", "company"])
    assert errors(send(keeper, "member-units", content, XLSX)) == {
        "/rows/3/name": "formula",
        "/rows/4/name": "error_value",
    }
    assert not MemberUnit.objects.filter(name="甲").exists()
    assert "A3" in send(keeper, "member-units", content, XLSX).json()["detail"]
    unread = workbook(["name", "kind", "name_pinyin"], ["甲", "company", formula])
    assert send(keeper, "member-units", unread, XLSX).json()["created"] == 1
    text = book(sheet(row(1, "name", "kind") + row(2, "=1+1", "company")))
    assert send(keeper, "member-units", text, XLSX).json()["created"] == 1
    assert MemberUnit.objects.filter(name="=1+1").exists()


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:A4"])
def test_the_cells_decide_how_many_there_are(keeper: Keeper, dimension: str) -> None:
    """Case 1."""
    rows = [[f"甲{number}", "company", "draft"] for number in range(3)]
    content = edited(
        workbook(["name", "kind", "state"], *rows),
        {"xl/worksheets/sheet1.xml": ('<dimension ref="A1:C4" />', f'<dimension ref="{dimension}" />')},
    )
    done = send(keeper, "member-units", content, XLSX).json()
    assert (done["created"], done["ignored"]) == (3, [])


def test_what_is_not_taken_is_told(keeper: Keeper) -> None:
    """Cases 7, 24 and 36."""
    first = sheet(row(1, "name", "", "kind", "name_pinyin") + row(3, "甲", "重要备注", "company", "x"))
    content = book(first, sheet(row(1, "x")), names=("五角场街道", "殷行街道"))
    assert send(keeper, "member-units", content, XLSX).json()["ignored"] == [
        "name_pinyin",
        "sheet “殷行街道”",
        "column B, which has no heading (filled cells: 1)",
        "empty rows: 2",
    ]


def test_a_record_that_stands_there_twice_is_refused_whether_it_is_new_or_not(keeper: Keeper) -> None:
    unit = MemberUnitFactory(summary="旧")
    content = f"slug,summary\n{unit.slug},一\n{unit.slug},二\n"
    assert errors(send(keeper, "member-units", content)) == {"/rows/3/slug": "doubled"}
    unit.refresh_from_db()
    assert unit.summary == "旧"


def test_a_title_above_the_heading_is_told_from_it(keeper: Keeper) -> None:
    """Case 58."""
    content = "某某街道驻区单位资源清单,,\n单位：个,,\nname,kind,state\n甲,company,draft\n"
    assert "row 3" in send(keeper, "member-units", content).json()["detail"]


def test_known_columns_are_named_once(keeper: Keeper) -> None:
    """Case 35."""
    detail = send(keeper, "marks", "zzzzzz\na\n").json()["detail"]
    names = detail.partition("Known are: ")[2].rstrip(".").split(", ")
    assert len(names) == len(set(names)) > 3


def test_a_slug_that_was_retired_is_refused_for_that_reason(keeper: Keeper) -> None:
    """Case 31."""
    unit = MemberUnitFactory(cited=False, state="draft")
    slug = unit.slug
    unit.delete()
    response = send(keeper, "member-units", f"slug,name,kind\n{slug},甲,company\nbulk,乙,company\n")
    assert errors(response) == {"/rows/2/slug": "unique", "/rows/3/slug": "reserved"}
    assert "deleted" in response.json()["errors"][0]["detail"]


def test_blanks_around_keys_choices_and_dates_do_not_matter(keeper: Keeper) -> None:
    """Case 23."""
    street = StreetFactory()
    content = f"name,kind, street\u3000,status,founded_on\n甲,alliance ,{street.code}\u3000, active, 2023-07-06\n"
    done = send(keeper, "alliances", content).json()
    made = viewsets()["alliances"].queryset.model.objects.get(slug=done["changes"][0]["key"])
    assert (made.kind, made.street, made.founded_on) == ("alliance", street, "2023-07-06")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1_000", "not_a_number"),
        ("１２", "not_a_number"),
        ("٣", "not_a_number"),
        ("1,200", "not_a_number"),
        ("约20", "not_a_number"),
        ("nan", "not_a_number"),
        ("9" * 5000, "not_a_number"),
        ("1e400", "out_of_range"),
        ("+5", ""),
        ("0012", ""),
        ("1E+5", ""),
        ("12.5", ""),
    ],
)
def test_a_number_is_one_that_everybody_reads(keeper: Keeper, text: str, code: str) -> None:
    """Case 37."""
    figure = FigureFactory(value=3, state="draft")
    response = send(keeper, "figures", f'slug,value\n{figure.slug},"{text}"\n')
    if code:
        assert errors(response) == {"/rows/2/value": code}
    else:
        figure.refresh_from_db()
        assert (response.json()["changed"], float(figure.value)) == (1, float(text))


def test_equal_names_get_slugs_of_their_own(keeper: Keeper) -> None:
    names = "".join(f"同名单位,company,第{number}个\n" for number in range(30))
    done = send(keeper, "member-units", f"name,kind,summary\n{names}同名单位,company,最后\n").json()
    keys = [change["key"] for change in done["changes"]]
    assert len(set(keys)) == 31
    assert {key.rpartition("-")[2] for key in keys} >= {str(number) for number in range(2, 32)}


def test_of_many_rows_the_wrong_ones_are_found(keeper: Keeper) -> None:
    rows = "".join(
        f"第{number}个,company,{'published' if number in (3, 77, 700) else 'draft'}\n" for number in range(900)
    )
    assert errors(send(keeper, "member-units", f"name,kind,state\n{rows}")) == {
        f"/rows/{number + 2}/{place}": "no_evidence" for number in (3, 77) for place in ("kind", "name")
    }


def test_lists_of_keys_are_written_with_new_rows(keeper: Keeper) -> None:
    model = viewsets()["events"].queryset.model
    full = make_full(model)
    keys = sorted(full.projects.values_list("slug", flat=True))
    response = send(
        keeper, "events", f"name,kind,status,projects\n测试活动,{full.kind},{full.status},{'; '.join(keys)}\n"
    )
    assert response.status_code == 200, response.content.decode()
    made = model.objects.get(slug=response.json()["changes"][0]["key"])
    assert sorted(made.projects.values_list("slug", flat=True)) == keys


# In a form -----------------------------------------------------------------------------------------------------------


def form(*files: tuple[str, bytes], boundary: str = "a-boundary", **fields: str) -> tuple[bytes, str]:
    """Return a form as generated clients send it, and its media type."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="units"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_may_come_in_a_form(keeper: Keeper, kind: str) -> None:
    content = exported(keeper, "venues", kind, "false")
    done = send(keeper, "venues", *form(("file", content)))
    assert done.status_code == 200, done.content.decode()
    plain = send(keeper, "venues", content, {"csv": "text/csv", "xlsx": XLSX}[kind])
    assert done.json() == plain.json()
    assert done.json()["unchanged"] > 5


def test_a_form_is_the_same_request_whatever_its_boundary(keeper: Keeper) -> None:
    content = "slug,name,kind,district,state\n,一个新单位,company,310110,draft\n".encode()
    answers = []
    for boundary in ("one-boundary", "another-boundary"):
        data, media_type = form(("file", content), boundary=boundary)
        path = "/api/v1/member-units/import?change_reason=test"
        headers = {"Idempotency-Key": "an-import"}
        answers.append(keeper.client.post(path, data=data, content_type=media_type, headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].content.decode()
    assert "Idempotent-Replayed" not in answers[0]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert answers[0].json() == answers[1].json()
    assert MemberUnit.objects.filter(name="一个新单位").count() == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (form(), "one_file"),
        (form(("files", b"slug\n")), "one_file"),
        (form(("file", b"slug\n"), ("file", b"slug\n")), "one_file"),
        (form(("file", b"slug\n"), dry_run="true"), "one_file"),
        (form(file="slug\n"), "one_file"),
        ((b"no form", "multipart/form-data; boundary=a"), "one_file"),
        ((b"", "multipart/form-data; boundary=a"), ""),
        ((b"no form", "multipart/form-data"), ""),
        (form(("file", b"")), "empty"),
    ],
)
def test_a_form_that_is_not_one_file_is_refused(keeper: Keeper, data: tuple[bytes, str], code: str) -> None:
    answer = send(keeper, "member-units", *data)
    assert answer.status_code == 400, answer.content.decode()
    assert answer["Content-Type"] == "application/problem+json"
    if code == "one_file":
        assert errors(answer) == {"/file": "one_file"}
