"""Evidence that comes with the rows of a file: in columns of its own, and on a paper that is given once for all rows.

A row has one citation and one attestation at most. The column `citation.start` is the member `start` of an item of
`citations` in a body, `attestation.party` the member `party` of one of `attestations`; a body with them is what comes
of a row, and is checked as any. What is the same for all rows of a roster is given once, beside the file, under the
same names; what a row has in its own cells goes before.

Evidence comes with what a row sets, so that a file may be sent again: a row that changes nothing brings none.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext

from apps.common.files.cell_values import read_cell
from apps.common.files.cells import Row
from apps.common.files.columns import TEXT, unmark
from apps.common.http.problems import Refusal
from apps.common.models.records import Citable
from apps.common.rules.evidence import COMPANIONS, is_empty, stored_fields, unevidenced_fields
from apps.common.values.columns import EDTFField
from apps.common.writing.contract import EVIDENCE, Contract, Finder, Input
from apps.common.writing.evidence_bodies import NEW, QUOTATION, evidence_inputs, new_attestation

CITATIONS, ATTESTATIONS = EVIDENCE
PREFIXES = {CITATIONS: "citation", ATTESTATIONS: "attestation"}
# What a paper for all rows may say; where in it a row stands, and what it supports, is of each row.
PAPER = tuple(f"{PREFIXES[ATTESTATIONS]}.{name}" for name in ("party", *NEW[ATTESTATIONS][:-2]))
IN_BODY = re.compile(rf"/({'|'.join(EVIDENCE)})/0(?:/([^/]+).*)?$")

Body = dict[str, Any]


class EvidenceColumn(NamedTuple):
    """A column of evidence: the member of the body, that of its item, and what it is; None: a text as it stands."""

    member: str
    name: str
    input: Input | None

    @property
    def kind(self) -> str:
        """What its cells are, as of other columns: texts may have a mark."""
        is_text = isinstance(getattr(self.input, "field", None), models.CharField | models.TextField)
        return TEXT if self.name == QUOTATION or is_text else ""

    def read(self, cell: str) -> object:
        """Return a cell that holds something as a body has it."""
        if self.input is not None:
            return read_cell(self.input, cell)
        return cell if self.name == QUOTATION else cell.strip()


def evidence_columns(contract: Contract) -> dict[str, EvidenceColumn]:
    """Return the columns in which rows of a resource have evidence, by their names."""
    found: dict[str, EvidenceColumn] = {}
    for member in contract.evidence:
        inputs, party = evidence_inputs(contract.model, member)
        names: dict[str, Input | None] = {**inputs, (party.name if party else QUOTATION): None}
        found |= {f"{PREFIXES[member]}.{name}": EvidenceColumn(member, name, each) for name, each in names.items()}
    return found


def in_columns(error: Mapping[str, str]) -> dict[str, str]:
    """Return an error of a row's body with its pointer to the column in which the row has that evidence."""
    pointer = IN_BODY.sub(lambda at: f"/{PREFIXES[at[1]]}.{at[2]}" if at[2] else "", error["pointer"])
    return {**error, "pointer": pointer}


class Paper(NamedTuple):
    """A paper that is given once for all rows: as a body has it, and as an attestation without its record."""

    item: Mapping[str, object]
    attestation: Any


def read_paper(contract: Contract, given: Mapping[str, str], finder: Finder) -> Paper | None:
    """Return the paper that some of `PAPER` say; None where none says anything. Raises Refusal, with their names."""
    columns = evidence_columns(contract)
    item = {columns[name].name: columns[name].read(given[name]) for name in PAPER if given.get(name, "").strip()}
    if not item:
        return None
    attestation, errors = new_attestation(contract.model(), {**item, "supports": []}, finder, "", {"supports"})
    if errors:
        prefix = PREFIXES[ATTESTATIONS]
        errors = [{**error, "pointer": f"/{prefix}.{error['pointer'][1:] or 'title'}"} for error in errors]
        raise Refusal("bad_request", errors=errors)
    return Paper(item, attestation)


class RowEvidence:
    """The evidence of the rows of a file, as bodies have it."""

    def __init__(self, contract: Contract, names: Iterable[str], paper: Paper | None, *, is_marked: bool) -> None:
        known = evidence_columns(contract)
        self.paper = paper
        self._places = {place: known[name] for place, name in enumerate(names) if name in known}
        self._is_marked = is_marked
        self._locator = gettext("row %(row)s")

    @property
    def is_given(self) -> bool:
        """Whether any row may have evidence."""
        return bool(self._places or self.paper)

    def cells(self, row: Row) -> dict[str, Body]:
        """Return what the cells of a row say, by the member of the body to which it belongs."""
        found: dict[str, Body] = {}
        for place, column in self._places.items():
            if place < len(row.cells) and (cell := row.cells[place]).strip():
                text = unmark(cell) if self._is_marked and column.kind == TEXT else cell
                found.setdefault(column.member, {})[column.name] = column.read(text)
        return found

    def of_row(self, number: int, cells: Mapping[str, Body], names: Collection[str]) -> dict[str, list[Body]]:
        """Return the members of a body in which the evidence of a row comes, which sets some fields to some values.

        An attestation that does not say so supports what no citation of the row does, and names the row.
        """
        found = {CITATIONS: [cells[CITATIONS]]} if CITATIONS in cells else {}
        own = cells.get(ATTESTATIONS, {})
        paper = {**self.paper.item, **own} if self.paper else {**own}
        if paper and "supports" not in paper:
            cited = cells.get(CITATIONS, {}).get("supports", ())
            paper["supports"] = sorted(name for name in names if name not in cited)
        if paper.get("supports"):
            found[ATTESTATIONS] = [{"locator": self._locator % {"row": number}, **paper}]
        return found


def supported_by(record: Citable, names: Iterable[str], lists: Mapping[str, Collection[object]]) -> list[str]:
    """Return the fields among some that evidence has to support: that have a value, and need evidence for it.

    Where none needs it, all that have one: a record rests on some evidence. `lists` are the values of many-to-many
    fields, which the record may not have yet.
    """
    fields, unneeded = _fields(type(record))
    given = dict.fromkeys(fields[name].name for name in names if name in fields)
    filled = [name for name in given if (bool(lists[name]) if name in lists else not is_empty(record, fields[name]))]
    if getattr(record, "name_given", False):
        filled = [name for name in filled if name != "name"]
    return [name for name in filled if name not in unneeded] or filled


@cache
def _fields(model: type[Citable]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the fields of a model that hold values, by their names and those of their parts, and which need none."""
    fields = {field.name: field for field in stored_fields(model)}
    parts = {
        f"{name}_{part}": field for name, field in fields.items() if isinstance(field, EDTFField) for part in COMPANIONS
    }
    return {**fields, **parts}, frozenset(unevidenced_fields(model))
