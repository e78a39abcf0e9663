"""Citations that come in the body of the record which they support, in the same transaction."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from apps.common.http.problems import Refusal, nearest
from apps.common.models.records import Citable
from apps.common.writing.contract import CITATIONS, Finder, Input, WrongError, check_text, error_at, escape
from apps.common.writing.refusals import invalid

MEMBERS = ("article", "start", "end", "sha256", "quotation", "supports")


def add_citations(record: Citable, given: object, finder: Finder, pointer: str) -> bool:
    """Make the citations of a body that are new; return whether there were any.

    One with a `url` is a citation that is on record; it may stand there, but not say otherwise. One that is left out
    stays: citations are taken away at their own address.
    """
    place = f"{pointer}/{CITATIONS}"
    if not isinstance(given, list):
        raise Refusal("bad_request", errors=[error_at(place, "not_a_list", gettext("A list is expected."))])
    stored: dict[str, models.Model] = {}
    if any(isinstance(item, dict) and "url" in item for item in given):
        rows = record.citations.select_related("article")
        stored = {f"{settings.API_ROOT}/{row.resource}/{row.key}": row for row in rows}
    added = False
    for number, item in enumerate(given):
        here = f"{place}/{number}"
        if not isinstance(item, dict):
            raise Refusal("bad_request", errors=[error_at(here, "not_an_object", gettext("An object is expected."))])
        if "url" in item:
            _check_stored(item, stored.get(str(item["url"])), here)
        else:
            _add(record, item, finder, here)
            added = True
    return added


def _check_stored(item: Mapping[str, object], row: models.Model | None, here: str) -> None:
    if row is None:
        detail = gettext("This is no citation of the record; leave out “url” to add one.")
        raise Refusal("bad_request", errors=[error_at(f"{here}/url", "unknown_key", detail)])
    for name in ("start", "end", "sha256", "supports"):
        if name in item and item[name] != getattr(row, name):
            detail = gettext("A citation is changed at its own address.")
            raise Refusal("bad_request", errors=[error_at(f"{here}/{name}", "read_only", detail)])


def _add(record: Citable, item: Mapping[str, object], finder: Finder, here: str) -> None:
    model: Any = record._meta.get_field("citations").related_model
    inputs = {name: Input(name, model._meta.get_field(name)) for name in MEMBERS if name != "quotation"}
    values: dict[str, object] = {}
    errors: list[dict[str, str]] = []
    item = {**item, **_digested(item, here)}
    for name, value in item.items():
        if name not in MEMBERS:
            detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], MEMBERS)
            errors.append(error_at(f"{here}/{escape(name)}", "unknown_field", detail))
        elif name in inputs:
            try:
                values[name] = inputs[name].read(value, finder)
            except WrongError as error:
                errors.append({**error.at(name), "pointer": f"{here}/{name}{error.pointer}"})
    for name in inputs:
        if name not in item:
            detail = gettext("“%(name)s” is required.") % {"name": name}
            errors.append(error_at(f"{here}/{name}", "required", detail))
    if errors:
        raise Refusal("bad_request", errors=errors)
    citation = model(record=record, **values)
    computed = {field.name for field in model._meta.fields if not field.editable or field.generated}
    try:
        citation.full_clean(exclude=computed)
    except ValidationError as error:
        raise invalid(error, here, {}) from error
    citation.save(force_insert=True)


def _digested(item: Mapping[str, object], here: str) -> dict[str, str]:
    """Return the digest of the words, where a citation is given by its words."""
    words = item.get("quotation")
    if words is None or "sha256" in item:
        return {}
    if not isinstance(words, str):
        raise Refusal(
            "bad_request", errors=[error_at(f"{here}/quotation", "not_a_text", gettext("A text is expected."))]
        )
    try:
        check_text(words)
    except WrongError as error:
        raise Refusal("bad_request", errors=[error_at(f"{here}/quotation", error.code, error.detail)]) from error
    start, end = item.get("start"), item.get("end")
    if isinstance(start, int) and isinstance(end, int) and end - start != len(words):
        detail = gettext("The words have %(count)s characters, and the span has not.") % {"count": len(words)}
        raise Refusal("bad_request", errors=[error_at(f"{here}/quotation", "wrong_length", detail)])
    return {"sha256": hashlib.sha256(words.encode()).hexdigest()}
