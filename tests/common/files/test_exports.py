"""Lists as CSV, XLSX, NDJSON and linked data: what is in the files, and what is refused."""

# mypy: allow-untyped-calls

import csv
import io
import json
import re
from typing import Any

import openpyxl
import pytest
from django.core.signals import request_finished
from django.db import OperationalError, close_old_connections, connection
from django.test import Client, RequestFactory
from django.utils import translation

from apps.common.files import exports
from apps.common.files.columns import LIVE, columns, mark, name_of, unmark
from apps.common.http.formats import FORMATS, LIST_FORMATS, by_accept
from apps.common.resources.registry import viewsets
from tests.conftest import Api, eventually
from tests.factories import AllianceFactory, MembershipFactory, MemberUnitFactory
from tests.full import share

pytestmark = pytest.mark.django_db

RESOURCES = sorted(viewsets())
XLSX = FORMATS["xlsx"].media_type
# What spreadsheets take for formulas, and what merely looks odd.
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    " =1",
    "\u3000=1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
    "\u00a0\u200b=1",
    "=cmd|' /C calc'!A0",
    "'=1",
    "'",
    '"',
    'a,"b"',
    "100%",
    "%s %(x)s %%",
    "back\\slash \\. \\N \\u0041",
    "a;b",
    "😀",
    "NULL",
]


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content.decode()
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def table(api: Api, path: str, **parameters: str) -> list[dict[str, str]]:
    """Return the rows of a CSV answer, with the marks taken away."""
    text = body(api.ask(path, format="csv", **parameters)).decode("utf-8-sig")
    assert text.endswith("\r\n")
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [{name_of(name): unmark(cell) for name, cell in row.items()} for row in rows]


def lines(api: Api, path: str, **parameters: str) -> list[Any]:
    return [json.loads(line) for line in body(api.ask(path, format="ndjson", **parameters)).splitlines()]


def book(api: Api, path: str, **parameters: str) -> Any:
    return openpyxl.load_workbook(io.BytesIO(body(api.ask(path, format="xlsx", **parameters))))


# Choosing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV; header=present", "csv"),
        ("text/*", "csv"),
        ("text/csv, */*", "csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"),
        ("text/csv;q=0.4, application/json;q=0.5", "json"),
        ("application/json;q=0, */*", "jsonld"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("application/ld+json", "jsonld"),
        ("application/x-ndjson", "ndjson"),
        (XLSX, "xlsx"),
        ("text/csv;q=nonsense", "csv"),
        ("text/csv ; q = 0.4, application/json; q=0.5", "json"),
        ("text/csv;q=0", None),
        ("text/html", None),
        (",;,", "json"),
    ],
)
def test_the_best_accepted_format_is_given(accept: str, name: str | None) -> None:
    assert by_accept(accept) == name


def test_a_list_is_given_by_accept_and_the_parameter_wins(client: Client) -> None:
    for name, made in ((each, FORMATS[each]) for each in LIST_FORMATS):
        answer = client.get("/api/v1/needs", headers={"accept": made.media_type})
        assert answer.headers["Content-Type"] == made.content_type
        assert body(answer)
        assert body(client.get(f"/api/v1/needs?format={name}", headers={"accept": "text/html"}))
    answer = client.get("/api/v1/needs?format=json", headers={"accept": "text/csv"})
    assert answer.headers["Content-Type"] == "application/json"


def test_what_cannot_be_given_is_406_and_says_what_can(api: Api) -> None:
    answer = api.client.get("/api/v1/needs", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (406, "application/problem+json")
    assert "text/csv" in answer.json()["detail"]
    key = api.get("needs")["results"][0]["slug"]
    assert api.problem(f"needs/{key}", 406, format="csv")["detail"] == "Ask for application/json, application/ld+json."
    assert "csv" in api.problem("needs", format="cvs")["detail"]


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
@pytest.mark.parametrize("parameter", ["cursor", "page_size", "count", "facets"])
def test_a_whole_list_has_no_pages(api: Api, form: str, parameter: str) -> None:
    given = {"cursor": "x", "page_size": "3", "count": "true", "facets": "kind"}[parameter]
    (error,) = api.problem("projects", format=form, **{parameter: given})["errors"]
    assert error["parameter"] == parameter
    assert "format=json" in error["detail"]


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [({"unit": "nobody"}, "unit"), ({"kind": "pear"}, "kind"), ({"sort": "x"}, "sort"), ({"colour": "x"}, "colour")],
)
def test_a_file_is_refused_before_it_begins(api: Api, form: str, wrong: dict[str, str], parameter: str) -> None:
    assert api.problem("alliances", format=form, **wrong)["errors"][0]["parameter"] == parameter


def test_whole_records_have_no_place_in_cells(api: Api) -> None:
    for form in ("csv", "xlsx"):
        assert api.problem("projects", format=form, expand="street")["errors"][0]["parameter"] == "expand"
    assert lines(api, "projects", expand="street")[0].keys() == api.results("projects")[0].keys()


# What is in the files -------------------------------------------------------------------------------------------------


def test_a_file_of_fields_that_have_no_column_is_refused(api: Api) -> None:
    for form in ("csv", "xlsx"):
        [error] = api.problem("citations", format=form, fields="quotation,unquoted_because")["errors"]
        assert error["parameter"] == "fields"
        assert "no column" in error["detail"]
    assert lines(api, "citations", fields="quotation", article="quyanglu-2023")[0] == {"quotation": None}


# Words of articles, which are passed on in no file.
WORDS = {"quotation", "unquoted_because"}


@pytest.mark.parametrize("resource", share(0, RESOURCES, 3))
def test_every_list_is_the_same_in_all_formats(api: Api, resource: str) -> None:
    asked = {"street": "310110013"} if resource == "neighbourhoods" else {}
    records = api.results(resource, labels="true", page_size=200, **asked)
    assert lines(api, resource, labels="true", **asked) == records
    rows = table(api, resource, labels="true", **asked)
    sheet = book(api, resource, labels="true", **asked)[resource]
    cells = [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)][1:]
    assert len(rows) == len(records) == len(cells)
    for record, row, cell_row in zip(records, rows, cells, strict=True):
        assert [str(cell) for cell in cell_row] == [text.removesuffix(".0") for text in row.values()]
        for name, value in record.items():
            if name not in WORDS:
                check_cell(row, name, value)
        assert not WORDS & row.keys()


def check_cell(row: dict[str, str], name: str, value: Any) -> None:
    """Check that the cells of a field say what the record says."""
    match value:
        case None:
            assert row[name] == ""
        case {"key": key, "name": label}:
            assert row[name] == (f"{value['resource']}/{key}" if "resource" in value else key)
            assert row[f"{name}_name"] == label
        case [{"article": _}, *_]:
            assert row[name] == ";".join(f"{item['article']['key']}:{item['start']}-{item['end']}" for item in value)
        case [{"url": _}, *_]:
            assert row[name] == ";".join(item["url"].rpartition("/")[2] for item in value)
        case list():
            assert row[name] == ";".join(str(item) for item in value)
        case bool():
            assert row[name] == str(value).lower()
        case {}:
            assert row[name] == "" if not value else json.loads(row[name]) == value
        case _:
            assert row[name] == str(value)


@pytest.mark.parametrize("resource", RESOURCES)
def test_columns_are_called_as_their_fields_and_labelled_in_both_languages(resource: str) -> None:
    serializer = viewsets()[resource].serializer_class(context={"labels": True})
    found = columns(serializer, guarded=True)
    assert len({column.name for column in found}) == len(found)
    for language in ("zh-hans", "en"):
        with translation.override(language):
            for column in found:
                assert name_of(column.heading()) == name_of(column.name) == column.name
                assert column.label().strip()
                assert column.description()


def test_headings_are_names_or_labels_with_names(client: Client) -> None:
    plain = body(client.get("/api/v1/needs?format=csv")).decode()
    assert plain.startswith("url,slug,name,name_pinyin,")
    labelled = body(client.get("/api/v1/needs?format=csv&labels=true", headers={"accept-language": "zh-Hans"}))
    assert labelled.startswith(exports.BOM)
    assert "名称 (name)" in labelled.decode("utf-8-sig").split("\r\n")[0].split(",")
    assert "status_label" not in plain
    assert re.search(r"\(status_label\)", labelled.decode())


def test_a_file_is_named_by_what_it_holds(api: Api) -> None:
    answer = api.ask("alliances", format="csv", as_of="2013-06-27")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="partybuild-alliances-2013-06-27.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"


def test_a_file_follows_filters_fields_sort_and_visibility(api: Api) -> None:
    AllianceFactory(slug="a-draft", name="合成联盟甲", state="draft")
    AllianceFactory(slug="a-second", name="合成联盟乙")
    AllianceFactory(slug="a-first", name="合成联盟丙")
    rows = table(api, "alliances", q="合成联盟", sort="-slug", fields="slug,street")
    assert rows == [
        {"slug": "a-second", "street": "", "street_name": ""},
        {"slug": "a-first", "street": "", "street_name": ""},
    ]


def test_head_says_what_get_would(api: Api) -> None:
    answer = api.client.head("/api/v1/alliances?format=csv")
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert api.client.head("/api/v1/alliances?format=csv&unit=nobody").status_code == 400


def test_a_known_file_is_not_sent_again(client: Client) -> None:
    def check() -> None:
        etag = client.get("/api/v1/needs?format=csv").headers["ETag"]
        assert client.get("/api/v1/needs?format=csv", headers={"if-none-match": etag}).status_code == 304
        assert client.get("/api/v1/needs?format=ndjson", headers={"if-none-match": etag}).status_code == 200

    eventually(check)


# Cells that would live ------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile(db: None) -> list[str]:
    """Make a unit of each odd name."""
    for number, text in enumerate(HOSTILE):
        MemberUnitFactory(slug=f"odd-{number:02}", name=f"x{number}", summary=f"{text}")
    return HOSTILE


def test_no_cell_of_csv_is_live_and_none_is_changed(api: Api, hostile: list[str]) -> None:
    raw = body(api.ask("member-units", format="csv", sort="slug", fields="slug,summary")).decode()
    cells = [row[1] for row in csv.reader(io.StringIO(raw, newline=""), strict=True) if row[0].startswith("odd-")]
    assert [cell for cell in cells if re.match(r"[\s\u200b]*[=+@＝＋＠－-]", cell)] == []
    assert [unmark(cell) for cell in cells] == hostile
    assert cells == [mark(text) for text in hostile]  # PostgreSQL marks as Python does
    assert [row["summary"] for row in lines(api, "member-units", sort="slug") if row["slug"][:4] == "odd-"] == hostile


def test_no_cell_of_a_spreadsheet_is_a_formula(api: Api, hostile: list[str]) -> None:
    sheet = book(api, "member-units", sort="slug", fields="slug,summary,claim_count")["member-units"]
    odd = [row for row in sheet.iter_rows(min_row=2) if row[0].value.startswith("odd-")]
    assert [row[1].value for row in odd] == hostile
    assert {cell.data_type for row in odd for cell in row} == {"s", "n"}
    assert {row[2].value for row in odd} == {0}
    assert all(row[1].quotePrefix or row[1].style_array.quotePrefix for row in odd)
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n-", "  \t@", "普通", "a=b", "2013-06-27", ""])
def test_a_mark_is_taken_away_again(text: str) -> None:
    assert unmark(mark(text)) == text
    assert mark(text).startswith("'") == bool(re.match(LIVE, text))
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text ~ %s::text", [text, LIVE])
        assert cursor.fetchone() == (bool(re.match(LIVE, text)),)


# Spreadsheets ---------------------------------------------------------------------------------------------------------


def test_a_second_sheet_says_what_the_first_is(client: Client) -> None:
    address = "/api/v1/alliances?format=xlsx&kind=pair&sort=-slug"
    content = body(client.get(address, headers={"accept-language": "en"}))
    about = openpyxl.load_workbook(io.BytesIO(content))["about"]
    rows = [tuple(cell or "" for cell in row) for row in about.iter_rows(values_only=True)]
    assert rows[1][1].endswith(address)
    assert rows[2][1] == "kind=pair, sort=-slug"
    assert ("name", "Name", "Name as its bearer or the source writes it; never translated.") in rows
    assert len([row for row in rows if row[0] in ("name", "street", "street_name")]) == 3


def test_what_a_spreadsheet_cannot_hold_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 3)
    assert api.problem("alliances", format="xlsx")["errors"][0]["parameter"] == "format"
    monkeypatch.setattr(exports, "MOST_ROWS", 1_000)
    # The library counts as spreadsheets do, in units of UTF-16.
    AllianceFactory(state="published", summary="😀" * 16_384)
    assert "csv" in api.problem("alliances", format="xlsx")["detail"]
    assert api.get("alliances", page_size=1)["results"]  # the connection is free again


# Streams --------------------------------------------------------------------------------------------------------------


def test_a_list_larger_than_a_chunk_is_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_A_CHUNK", 7)
    assert len(lines(api, "neighbourhoods")) == api.get("neighbourhoods", count="true")["count"]


def test_a_reader_that_goes_away_frees_the_connection(client: Client) -> None:
    view = viewsets()["neighbourhoods"].as_view({"get": "list"})  # without the client, which closes in its own way
    answer: Any = view(RequestFactory().get("/api/v1/neighbourhoods?format=ndjson"))
    assert json.loads(next(iter(answer.streaming_content)).splitlines()[0])["url"]
    # At the end of a request Django closes a connection that is in a transaction, as that of a test is.
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)
    assert client.get("/api/v1/neighbourhoods?page_size=1").status_code == 200


def test_a_file_that_breaks_off_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: Any, *, ending: bytes) -> Any:
        yield bytes(next(iter(rows)))
        raise OperationalError("gone")

    monkeypatch.setattr(exports, "chunks", fail)
    for form in ("csv", "ndjson"):
        stream = iter(client.get(f"/api/v1/neighbourhoods?format={form}").streaming_content)
        found: list[bytes] = []
        with pytest.raises(OperationalError, match="gone"):
            found.extend(stream)
        assert json.loads(found[-1])["code"] == "unavailable"
    assert client.get("/api/v1/neighbourhoods?page_size=1").status_code == 200


def test_before_the_first_byte_only_what_may_be_wrong_is_asked(api: Api, django_assert_num_queries: Any) -> None:
    unit = MembershipFactory().unit.slug
    for parameters, queries in (({}, 3), ({"unit": unit}, 4)):
        api.ask("memberships", format="csv", **parameters)
        # The data version, a place's time limit set and reset, and whether the keys are there; the rest is one COPY.
        with django_assert_num_queries(queries):
            api.ask("memberships", format="csv", **parameters)


# Linked data ----------------------------------------------------------------------------------------------------------


def test_records_and_pages_are_linked_data(api: Api) -> None:
    answer = api.ask("alliances/wujiaochang-zhen-lianxihui", format="jsonld")
    assert answer.headers["Content-Type"] == "application/ld+json"
    assert answer.json()["@id"] == "http://localhost/api/v1/alliances/wujiaochang-zhen-lianxihui"
    page = api.ask("alliances", format="jsonld", page_size="2", count="true")
    collection, *records = page.json()["@graph"]
    assert len(records) == 2
    assert collection["hydra:view"]["hydra:next"]["@id"].startswith("http://localhost/api/v1/alliances?format=jsonld")
    assert 'rel="next"' in page.headers["Link"]
    assert api.problem("alliances", format="jsonld", facets="kind")["errors"][0]["parameter"] == "facets"
