"""Workbooks as programs other than ours write them: the XML of a sheet, put into a zip file."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def sheet(rows: str, before: str = "", after: str = "") -> str:
    """Return a sheet of the XML of its rows."""
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def row(number: int, *cells: str, attributes: str = "") -> str:
    """Return a row of cells, each a text or XML that begins with `<c`; an empty one is left out."""
    made = []
    for place, cell in enumerate(cells):
        reference = f"{chr(ord('A') + place)}{number}"
        if cell.startswith("<c"):
            made.append(f'<c r="{reference}"{cell[2:]}')
        elif cell:
            made.append(f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>')
    return f'<row r="{number}"{attributes}>{"".join(made)}</row>'


def book(
    *sheets: str,
    names: Sequence[str] = ("one", "two", "three"),
    states: Mapping[str, str] | None = None,
    strings: str | None = None,
    styles: str | None = None,
    properties: str = "",
    parts: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a workbook of the XML of its parts."""
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="s{number}"{(states or {}).get(name, "")}/>'
        for number, (name, _xml) in enumerate(zip(names, sheets, strict=False), 1)
    )
    kinds = {f"s{number}": ("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)}
    found = {f"xl/worksheets/sheet{number}.xml": xml.encode() for number, xml in enumerate(sheets, 1)}
    if strings is not None:
        kinds["strings"] = ("sharedStrings", "sharedStrings.xml")
        found["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{strings}</sst>'.encode()
    if styles is not None:
        kinds["styles"] = ("styles", "styles.xml")
        found["xl/styles.xml"] = f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>'.encode()
    relations = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{path}"/>' for key, (kind, path) in kinds.items()
    )
    found["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{PACKAGE}">{relations}</Relationships>'.encode()
    found["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{properties}<sheets>{listed}</sheets></workbook>'.encode()
    )
    found["_rels/.rels"] = (
        f'<Relationships xmlns="{PACKAGE}"><Relationship Id="a" Type="{OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>'.encode()
    )
    return packed({**found, **(parts or {})})


def packed(parts: Mapping[str, bytes], level: int = 6, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=level) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return file.getvalue()


def edited(content: bytes, changes: Mapping[str, tuple[str, str]]) -> bytes:
    """Return a workbook in which something is replaced in some of its parts; what is not there fails."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    for name, (before, after) in changes.items():
        assert before.encode() in parts[name], parts[name][:500]
        parts[name] = parts[name].replace(before.encode(), after.encode())
    return packed(parts)


def doubled(content: bytes, name: str) -> bytes:
    """Return a workbook that has two parts of one name."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as package:
        package.writestr(name, package.read(name))
    return file.getvalue()
