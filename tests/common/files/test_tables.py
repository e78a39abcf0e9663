"""Files as tables: the cells decide, what cannot be meant is a fault of its cell, and what is passed over is told."""

import datetime
import io
from typing import Any

import openpyxl
import pytest

from apps.common.files.cell_formats import DateFormat, read_format
from apps.common.files.cells import Table, cell_name
from apps.common.files.tables import CSV, XLSX, read_table
from apps.common.files.workbooks import unescape
from apps.common.http.problems import Refusal
from tests.common.files.books import book, doubled, edited, row, sheet

HEADING = ("name", "kind", "district", "state")
ROWS = [HEADING, ("甲", "company", "310110", "draft"), ("乙", "school", "", "draft"), ("丙", "", "310101", "")]
SHEET = "xl/worksheets/sheet1.xml"


def written(*rows: Any) -> bytes:
    """Return a workbook as openpyxl writes it."""
    made = openpyxl.Workbook()
    for cells in rows:
        made.active.append(cells)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def cells(table: Table) -> list[list[str]]:
    return [row.cells for row in table.rows]


def numbers(table: Table) -> list[int]:
    return [row.number for row in table.rows]


def refused(content: bytes, media_type: str = XLSX) -> str:
    """Return why a file is refused as a whole."""
    with pytest.raises(Refusal) as caught:
        read_table(content, media_type)
    assert [(each["pointer"], each["code"]) for each in caught.value.errors or []] == [("", "unreadable")]
    return str(caught.value.detail)


def faults(content: bytes) -> dict[str, str]:
    """Return the codes of the cells that cannot be taken."""
    found = read_table(content, XLSX).faults
    for fault in found:
        assert cell_name(fault.row, fault.column) in fault.detail
    return {cell_name(fault.row, fault.column): fault.code for fault in found}


# The cells decide -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", ["A1", "A1:D2", "A1:C4", "A1:A1", "A1:D1", "A2:D4", "B1:D4", "", "nonsense"])
def test_what_a_file_says_of_its_size_is_not_believed(dimension: str) -> None:
    """Case 1."""
    plain = written(*ROWS)
    wrong = edited(
        plain, {SHEET: ('<dimension ref="A1:D4" />', f'<dimension ref="{dimension}"/>' if dimension else "")}
    )
    assert read_table(wrong, XLSX) == read_table(plain, XLSX)
    assert read_table(wrong, XLSX).names == list(HEADING)
    assert cells(read_table(wrong, XLSX)) == [list(cells) for cells in ROWS[1:]]


def test_spans_and_counts_are_not_believed_either() -> None:
    made = book(
        sheet(row(1, "name", "kind", attributes=' spans="1:1"') + row(2, '<c t="s"><v>1</v></c>', "company")),
        strings="<si><t>a</t></si><si><t>b</t></si>",
    )
    made = edited(made, {"xl/sharedStrings.xml": ("<sst ", '<sst count="1" uniqueCount="1" ')})
    assert cells(read_table(made, XLSX)) == [["b", "company"]]


def test_rows_and_cells_without_a_place_stand_behind_those_before_them() -> None:
    text = '<c t="inlineStr"><is><t>%s</t></is></c>'
    rows = "".join(f"<row>{''.join(text % cell for cell in cells)}</row>" for cells in (["name", "kind"], ["甲", "乙"]))
    table = read_table(book(sheet(rows)), XLSX)
    assert (table.names, cells(table), numbers(table)) == (["name", "kind"], [["甲", "乙"]], [2])


@pytest.mark.parametrize(
    "rows",
    [
        row(1, "name") + row(2, "a") + row(2, "b"),
        row(1, "name") + row(3, "a") + row(2, "b"),
        row(1, "name") + '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>',
        row(1, "name", "kind") + '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row>',
    ],
)
def test_a_cell_that_stands_there_twice_is_refused(rows: str) -> None:
    assert "twice" in refused(book(sheet(rows)))


def test_strict_documents_prefixes_and_odd_parts_are_read() -> None:
    """Cases 25 and 26: no style and no property matters."""
    plain = written(*ROWS)
    office = "schemas.openxmlformats.org"
    strict = plain
    for name in ("xl/workbook.xml", SHEET, "xl/styles.xml"):
        strict = edited(strict, {name: (f"http://{office}/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/main")})
    for name in ("xl/_rels/workbook.xml.rels", "_rels/.rels"):
        strict = edited(
            strict, {name: (f"http://{office}/officeDocument/2006/relationships", "http://purl.oclc.org/ooxml/rel")}
        )
    assert read_table(strict, XLSX) == read_table(plain, XLSX)
    odd = edited(plain, {"docProps/core.xml": ("Z</dcterms:created>", " 9:00</dcterms:created>")})
    odd = edited(odd, {"xl/styles.xml": ("<fills", "<fill/><fills")})
    assert read_table(odd, XLSX) == read_table(plain, XLSX)
    prefixed = book(sheet(row(1, "name") + row(2, "甲")))
    for before, after in (("<worksheet xmlns=", "<x:worksheet xmlns:x="), ("</worksheet>", "</x:worksheet>")):
        prefixed = edited(prefixed, {SHEET: (before, after)})
    for tag in ("sheetData", "row", "c", "is", "t"):
        prefixed = edited(prefixed, {SHEET: (f"</{tag}>", f"</x:{tag}>")})
        for end in (" ", ">"):
            try:
                prefixed = edited(prefixed, {SHEET: (f"<{tag}{end}", f"<x:{tag}{end}")})
            except AssertionError:
                continue
    assert cells(read_table(prefixed, XLSX)) == [["甲"]]


# Texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("a_x000D_\nb", "a\r\nb"),
        ("_x005F_x0041_", "_x0041_"),
        ("_x005F_x0041_x005F_x0042_", "_x0041_x0042_"),
        ("_x0041_x0042_", "Ax0042_"),
        ("_x000b_", "\u000b"),
        ("_xFFFE_", "\ufffe"),
        ("_xD83D__xDE00_", "😀"),
        ("_x41_ _x_ x0041_", "_x41_ _x_ x0041_"),
    ],
)
def test_escaped_characters_are_undone_in_every_kind_of_text(escaped: str, text: str) -> None:
    """Case 2."""
    assert unescape(escaped) == text
    inline = book(sheet(row(1, "name", "kind") + row(2, escaped, "x")))
    shared = book(
        sheet(row(1, "name", "kind") + row(2, '<c t="s"><v>0</v></c>', "x")),
        strings=f'<si><r><t xml:space="preserve">{escaped}</t></r><rPh><t>no</t></rPh></si>',
    )
    formula = book(sheet(row(1, "name", "kind") + row(2, f'<c t="str"><f>A1</f><v>{escaped}</v></c>', "x")))
    for made in (inline, shared, formula):
        assert cells(read_table(made, XLSX)) == [[text, "x"]]


def test_headings_are_read_as_texts_are() -> None:
    """Cases 2 and 22."""
    made = book(sheet(row(1, "名称（name）", " kind_x000D_\n", "x_x005F_x0041_") + row(2, "甲", "乙", "丙")))
    assert read_table(made, XLSX).names == ["name", "kind", "x_x0041_"]


def test_a_text_that_looks_like_something_else_stays_a_text() -> None:
    texts = ["=1+1", "#N/A", "007", "1e5", "TRUE", "2023-07-06", "'a", " b "]
    headings = [f"c{place}" for place in range(len(texts))]
    assert cells(read_table(book(sheet(row(1, *headings) + row(2, *texts))), XLSX)) == [texts]


# Numbers, dates, formulas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("310110", "310110"),
        ("3.0", "3"),
        ("0.1", "0.1"),
        ("0.10000000000000001", "0.1"),
        ("1.0000000000000001E-5", "0.00001"),
        ("-2.5", "-2.5"),
        ("1234567890123456789", "1234567890123456789"),
        ("1E+5", "100000"),
    ],
)
def test_numbers_are_the_digits_that_one_sees(raw: str, text: str) -> None:
    assert cells(read_table(book(sheet(row(1, "n") + row(2, f"<c><v>{raw}</v></c>"))), XLSX)) == [[text]]


def test_a_formula_is_its_value_and_what_has_none_is_refused_at_its_cell() -> None:
    """Case 4."""
    good = row(
        2, '<c t="str"><f>A1</f><v>甲</v></c>', "<c><f>1+1</f><v>2</v></c>", '<c t="str"><f>""</f><v></v></c>', "x"
    )
    heading = row(1, "name", "kind", "district", "state")
    assert cells(read_table(book(sheet(heading + good)), XLSX)) == [["甲", "2", "", "x"]]
    bad = row(
        2,
        "<c><f>1+1</f></c>",
        "<c><f>1+1</f><v/></c>",
        '<c t="e"><v>#N/A</v></c>',
        '<c t="e"><f>A1</f><v>#REF!</v></c>',
    )
    assert faults(book(sheet(heading + bad))) == {
        "A2": "formula",
        "B2": "formula",
        "C2": "error_value",
        "D2": "error_value",
    }
    assert faults(written(["name"], ['=CONCATENATE("测","试")'])) == {"A2": "formula"}
    assert faults(written(["name", "kind"], ["甲", "#N/A"])) == {"B2": "error_value"}
    assert faults(book(sheet(heading + row(2, "<c><v>9.1310110123456789E+17</v></c>")))) == {"A2": "lost_digits"}


def test_dates_are_dates_and_times_are_refused() -> None:
    """Case 3."""
    day, noon = datetime.date(2023, 7, 6), datetime.datetime(2023, 7, 6, 9, 30)
    assert cells(read_table(written(["a"], [day]), XLSX)) == [["2023-07-06"]]
    assert faults(written(["a"], [noon])) == {"A2": "time_of_day"}
    assert faults(written(["a"], [datetime.time(9, 30)])) == {"A2": "time_of_day"}
    assert faults(written(["a"], [datetime.timedelta(hours=30)])) == {"A2": "time_of_day"}
    assert "09:30" in read_table(written(["a"], [noon]), XLSX).faults[0].detail.replace("9:30", "09:30")


def dated(value: str, style: str, properties: str = "", kind: str = "") -> bytes:
    styles = f'<numFmts><numFmt numFmtId="170" formatCode="{style}"/></numFmts><cellXfs><xf numFmtId="170"/></cellXfs>'
    return book(sheet(row(1, "a") + row(2, f'<c s="0"{kind}><v>{value}</v></c>')), styles=styles, properties=properties)


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        ("45113", "yyyy-mm-dd", "2023-07-06"),
        ("45113", "yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;", "2023-07-06"),
        ("45113", "yyyy&quot;年&quot;m&quot;月&quot;", "2023-07-06"),
        ("45108", "yyyy&quot;年&quot;m&quot;月&quot;", "2023-07"),
        ("44927", "yyyy", "2023"),
        ("45113", "[$-804]yyyy\\-mm\\-dd;@", "2023-07-06"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("45113", "0.00", "45113"),
        ("7", "000", "007"),
        ("45113", "000", "45113"),
        ("7", "0", "7"),
        ("45113", "[Red]0", "45113"),
        ("45113", "0&quot;day&quot;", "45113"),
        ("45113", "General", "45113"),
    ],
)
def test_a_date_is_as_precise_as_it_is_shown(value: str, style: str, text: str) -> None:
    assert cells(read_table(dated(value, style), XLSX)) == [[text]]


def test_days_are_counted_from_where_the_book_says_and_impossible_ones_are_refused() -> None:
    assert cells(read_table(dated("43651", "yyyy-mm-dd", '<workbookPr date1904="1"/>'), XLSX)) == [["2023-07-06"]]
    for value in ("60", "0", "-1", "2958466", "1e300", "1e400"):
        assert faults(dated(value, "yyyy-mm-dd")) == {"A2": "not_a_date"}
    assert cells(read_table(dated("2023-07-06T00:00:00", "0", kind=' t="d"'), XLSX)) == [["2023-07-06"]]
    assert faults(dated("2023-07-06T09:30:00", "0", kind=' t="d"')) == {"A2": "time_of_day"}


def test_the_formats_that_every_spreadsheet_knows() -> None:
    assert [read_format(number, None) for number in (0, 1, 49)] == [None, None, None]
    assert [read_format(number, None) for number in (14, 22, 31, 58)] == [DateFormat(True)] * 4
    assert read_format(17, None) == DateFormat(True, "month")
    assert [read_format(number, None) for number in (18, 46)] == [DateFormat(False)] * 2
    assert read_format(170, "[h]:mm") == read_format(170, "mm:ss") == DateFormat(False)
    assert read_format(170, "mmm") == DateFormat(True, "month")


# What is passed over --------------------------------------------------------------------------------------------------


def test_rows_have_the_numbers_that_a_spreadsheet_shows_and_empty_ones_are_told() -> None:
    """Cases 6 and 41."""
    made = book(sheet(row(1, "name") + row(3, "甲") + row(4, "  ") + row(7, "乙") + row(9, "\u3000") + row(12)))
    text = 'name\n\n甲\n"  "\n\n\n"乙\n丁"\n\n\u3000\n'.encode()
    for table in (read_table(made, XLSX), read_table(text, CSV)):
        assert numbers(table) == [3, 7]
        assert table.further == ("empty rows: 2, 4–6",)


def test_other_sheets_and_columns_without_a_heading_are_told_if_they_hold_something() -> None:
    """Cases 7 and 24."""
    first = sheet(row(1, "name", "", "kind") + row(2, "甲", "重要", "company") + row(3, "乙", "", "company"))
    filled, empty = sheet(row(1, "x")), sheet(row(1) + '<row r="2"><c r="A2" s="0"/></row>')
    made = book(first, filled, empty, names=("五角场", "殷行 & 大桥", "空"))
    assert read_table(made, XLSX).further == (
        "sheet “殷行 & 大桥”",
        "column B, which has no heading (filled cells: 1)",
    )
    text = "name,kind,district,,state\n甲,company,310110,重要备注,draft\n"
    assert read_table(text.encode(), CSV).further == ("column D, which has no heading (filled cells: 1)",)
    quiet = "name,kind,district,,state\n甲,company,310110, ,draft\n"
    assert read_table(quiet.encode(), CSV).further == ()


def test_where_the_first_sheet_is_empty_the_others_are_named() -> None:
    made = book(sheet(""), sheet(row(1, "name") + row(2, "甲")), names=("Sheet1", "五角场"))
    assert "sheet “五角场”" in refused(made)


def test_the_first_sheet_is_the_first_that_is_shown() -> None:
    made = book(
        sheet(row(1, "x") + row(2, "hidden")),
        sheet(row(1, "name") + row(2, "甲")),
        states={"one": ' state="hidden"'},
    )
    table = read_table(made, XLSX)
    assert (cells(table), table.further) == ([["甲"]], ("sheet “one”",))


def test_what_stands_beside_the_heading_is_a_fault_of_its_cell() -> None:
    beside = book(sheet(row(1, "name", "kind") + row(3, "甲", "company", "", "note")))
    assert faults(beside) == {"D3": "too_long"}
    table = read_table(b"name,kind\n\na,company,x\n", CSV)
    assert [(fault.row, fault.column, fault.code) for fault in table.faults] == [(3, 2, "too_long")]
    far = [row(number, "甲") for number in range(2, 40)] + [row(40, "甲", "", "note")]
    assert faults(book(sheet(row(1, "name") + "".join(far)))) == {"C40": "too_long"}


def test_a_csv_file_may_say_what_separates_its_cells() -> None:
    """Case 34."""
    for line in ("sep=;\r\n", '"sep=;"\r\n'):
        table = read_table(f"{line}name;kind\r\n甲,乙;company\r\n".encode(), CSV)
        assert (table.names, cells(table), numbers(table)) == (["name", "kind"], [["甲,乙", "company"]], [2])


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"name\n", b",\na,b\n", b"name,name\na,b\n", b"name\n\xff\n", b'a\n"b']
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    assert refused(content, CSV)


def test_what_is_no_workbook_is_refused() -> None:
    for content in (b"", b"PK\x03\x04 no", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, book()):
        assert refused(content)
    plain = book(sheet(row(1, "name") + row(2, "甲")))
    assert refused(plain[: len(plain) // 2])
    assert refused(edited(plain, {SHEET: ("<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet')}))
    assert refused(edited(plain, {SHEET: ("</sheetData>", "")}))
    assert refused(edited(plain, {SHEET: ("<worksheet", '<?xml version="1.0" encoding="nonsense"?><worksheet')}))
    assert refused(book(sheet(row(1, "name") + row(2, '<c t="s"><v>0</v></c>'))))
    assert refused(book(sheet(row(1, "name") + row(2, '<c t="s"><v>-1</v></c>')), strings="<si><t>a</t></si>"))
    with pytest.warns(UserWarning, match="Duplicate name"):
        assert refused(doubled(plain, SHEET))
    assert refused(edited(plain, {"xl/_rels/workbook.xml.rels": ("sheet1.xml", "../../../etc/passwd")}))


def test_a_table_is_read_as_far_as_asked() -> None:
    content = "name\n" + "".join(f"甲{number}\n" for number in range(30))
    rows = "".join(row(number + 1, text) for number, text in enumerate(content.split()))
    for table in (read_table(content.encode(), CSV, 12), read_table(book(sheet(rows)), XLSX, 12)):
        assert (len(table.rows), table.is_cut) == (12, True)
    for table in (read_table(content.encode(), CSV, 30), read_table(book(sheet(rows)), XLSX, 30)):
        assert (len(table.rows), table.is_cut) == (30, False)
