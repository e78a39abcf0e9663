"""Records as rows of cells: the columns of a serializer, their names, and what keeps a cell from running as a formula.

A reference is two columns, its key and its name; a list of references is the keys, a citation `article:start-end`, all
with `;` between them. A column is called as the field, so that what was exported can be read in again.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.common.http.translations import describe
from apps.common.serializers.compiler import CompileError
from apps.common.serializers.evidence import CitationBrief, NotesField, QuotationField, UnquotedField
from apps.common.serializers.references import AddressField, LabelField, NameField, NumberField, Reference, TargetField
from apps.common.sql.slots import literal
from apps.common.values.columns import EDTFField

TEXT, KEY, NUMBER = "text", "key", "number"
SEPARATOR = ";"
# What a spreadsheet takes for a formula, or cuts into one: also behind blanks of whatever width, and in full width.
# PostgreSQL and Python read it alike. A text that begins with an apostrophe is marked too, so that marks can be told.
LIVE = r"^('|[\t\n\r]|[ \u00a0\u200b\u3000\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-])"
MARK = "'"
HEADING = re.compile(r"\(([a-z][a-z0-9_.]*)\)$")

PARTS = {
    "earliest": _("earliest"),
    "latest": _("latest"),
    "wording": _("wording"),
    "relative_to": _("relative to"),
}


class Column(NamedTuple):
    """A column: its name, what its cells are, the field it is made from, and SQL for a cell from the row `r`."""

    name: str
    kind: str
    field: Any
    sql: str
    part: str = ""  # what of the field it gives, where the field has several columns

    def heading(self) -> str:
        """Return the label with the name behind it, in the active language: 名称 (name)."""
        return f"{self.label()} ({self.name})"

    def label(self) -> str:
        """Return what the column is called, in the active language."""
        source = self.name.removesuffix("_label") if self.part == "label" else self.field.field_name
        label = _label(self.field, source)
        match self.part:
            case "name":
                return _part(label, gettext("name"))
            case "label":
                return _part(label, gettext("label"))
        return label

    def description(self) -> str:
        """Return what the column says, in the active language."""
        about = describe(str(self.field.help_text or ""))
        match self.part:
            case "key":
                more = gettext("Its key.")
            case "keys":
                more = gettext("Their keys, with ; between them.")
            case "spans":
                more = gettext("Each as article:start-end, with ; between them.")
            case "name":
                more = gettext("Its name; not read on import.")
            case _:
                more = ""
        return f"{about} {more}".strip()


def _label(field: Any, source: str) -> str:
    """Return the label of a column of the model, the heading of any other field, or the name of the rows counted."""
    model = field.parent.Meta.model
    known = {column.name: column for column in (*model._meta.fields, *model._meta.many_to_many)}
    for suffix, part in PARTS.items():
        base = known.get(source.removesuffix(f"_{suffix}"))
        if source.endswith(f"_{suffix}") and isinstance(base, EDTFField):
            return _part(capfirst(str(base.verbose_name)), str(part))
    if source in known:
        return capfirst(str(known[source].verbose_name))
    if heading := getattr(field, "heading", ""):
        return capfirst(str(heading))
    rows: Any = model._meta.get_field(getattr(field, "relation", source)).related_model
    return capfirst(str(rows._meta.verbose_name_plural))


def _part(label: str, part: str) -> str:
    return gettext("%(field)s: %(part)s") % {"field": label, "part": part}


def name_of(heading: str) -> str:
    """Return the name of a column from its heading, whether it is the name alone or stands behind a label.

    The brackets may be the wide ones that Chinese keyboards give.
    """
    text = unicodedata.normalize("NFKC", heading).strip()
    match = HEADING.search(text)
    return match[1] if match else text


def mark(text: str) -> str:
    """Return a text as it stands in a cell of CSV: with an apostrophe before what a spreadsheet would run."""
    return MARK + text if re.match(LIVE, text) else text


def unmark(cell: str) -> str:
    """Return the text of a cell of CSV: undoes `mark`."""
    return cell.removeprefix(MARK)


def columns(serializer: Any, *, guarded: bool) -> list[Column]:
    """Return the columns of a serializer; with `guarded`, text is marked where a spreadsheet would run it (see `mark`).

    A field of a kind that has no columns is refused (CompileError).
    """
    fields: dict[str, Any] = dict(serializer.fields)
    # A label stands beside its choice, and not at the end as in JSON.
    labels = {field.choice: fields.pop(name) for name, field in list(fields.items()) if isinstance(field, LabelField)}
    found: list[Column] = []
    for name, field in fields.items():
        found += _columns(name, field)
        if name in labels:
            found.append(Column(f"{name}_label", TEXT, labels[name], _cell(f"{name}_label"), "label"))
    if not guarded:
        return found
    return [column._replace(sql=_guard(column.sql)) if column.kind == TEXT else column for column in found]


def _columns(name: str, field: Any) -> Iterator[Column]:
    cell = _cell(name)
    match field:
        case serializers.ListSerializer(child=CitationBrief()):
            span = "(e.item->'article'->>'key') || ':' || (e.item->>'start') || '-' || (e.item->>'end')"
            yield Column(name, KEY, field, _joined(cell, span), "spans")
        case serializers.ListSerializer(child=Reference()):
            yield Column(name, KEY, field, _joined(cell, "e.item->>'key'"), "keys")
        case serializers.ListSerializer() if "url" in getattr(field.child, "fields", ()):
            yield Column(name, KEY, field, _joined(cell, "regexp_replace(e.item->>'url', '^.*/', '')"), "keys")
        case Reference():
            yield Column(name, KEY, field, f"{cell}->>'key'", "key")
            yield Column(f"{name}_name", TEXT, field, f"{cell}->>'name'", "name")
        case TargetField():
            yield Column(name, KEY, field, f"({cell}->>'resource') || '/' || ({cell}->>'key')", "key")
            yield Column(f"{name}_name", TEXT, field, f"{cell}->>'name'", "name")
        case NotesField():
            yield Column(name, TEXT, field, f"nullif({cell}::text, '{{}}')")
        case QuotationField() | UnquotedField():
            pass  # an article's words are passed on in no file
        case serializers.ListField():
            yield Column(name, TEXT, field, f"array_to_string({cell}, '{SEPARATOR}')")
        case serializers.IntegerField() | NumberField():
            yield Column(name, NUMBER, field, cell)
        case serializers.BooleanField():
            yield Column(name, KEY, field, f"{cell}::text")
        case AddressField() | serializers.DateField() | serializers.DateTimeField():
            yield Column(name, KEY, field, cell)
        case serializers.ModelField():
            number = field.model_field.get_internal_type().endswith("IntegerField")
            yield Column(name, NUMBER if number else TEXT, field, cell)
        case serializers.CharField() | serializers.ChoiceField() | NameField():
            yield Column(name, TEXT, field, cell)
        case _:
            raise CompileError(f"{type(field.parent).__name__}.{name}: no columns for {type(field).__name__}")


def _cell(name: str) -> str:
    return f"r.{connection.ops.quote_name(name)}"


def _joined(cell: str, part: str) -> str:
    return (
        f"(SELECT string_agg({part}, '{SEPARATOR}' ORDER BY e.place)"  # noqa: S608 - names of fields
        f" FROM json_array_elements({cell}) WITH ORDINALITY AS e(item, place))"
    )


def _guard(sql: str) -> str:
    return f"(CASE WHEN {sql} ~ {literal(LIVE)} THEN '{MARK * 2}' || ({sql}) ELSE {sql} END)"
