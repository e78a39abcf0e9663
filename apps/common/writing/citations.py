"""Citations that come in the body of the record which they support, in the same transaction."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from apps.common.http.problems import nearest
from apps.common.models.records import Citable
from apps.common.writing.contract import CITATIONS, Finder, Input, WrongError, check_text, error_at, escape
from apps.common.writing.refusals import raise_all, rule_errors

MEMBERS = ("article", "start", "end", "sha256", "quotation", "supports")


def add_citations(record: Citable, given: object, finder: Finder, pointer: str) -> bool:
    """Make the citations of a body that are new; return whether there were any.

    One with a `url` is a citation that is on record; it may stand there, but not say otherwise. One that is left out
    stays: citations are taken away at their own address. Raises Refusal with all that is wrong.
    """
    new, errors = _read(record, given, finder, pointer)
    for place, citation in new:
        errors += _broken_rules(citation, place, set())
    raise_all(errors)
    for _place, citation in new:
        citation.save(force_insert=True)
    return bool(new)


def citation_errors(record: Citable, given: object, finder: Finder, pointer: str) -> list[dict[str, str]]:
    """Return what is wrong with the citations of a body whose record is not stored yet."""
    new, errors = _read(record, given, finder, pointer)
    for place, citation in new:
        citation.slug_is_free = True  # it is made of the record's
        errors += _broken_rules(citation, place, {"object_id", "slug"})
    return errors


def _read(
    record: Citable, given: object, finder: Finder, pointer: str
) -> tuple[list[tuple[str, Any]], list[dict[str, str]]]:
    """Return the new citations of a body, each with its place there, and what is wrong with any."""
    place = f"{pointer}/{CITATIONS}"
    if not isinstance(given, list):
        return [], [error_at(place, "not_a_list", gettext("A list is expected."))]
    stored: dict[str, models.Model] = {}
    if record.pk and any(isinstance(item, dict) and "url" in item for item in given):
        rows = record.citations.select_related("article")
        stored = {f"{settings.API_ROOT}/{row.resource}/{row.key}": row for row in rows}
    new: list[tuple[str, Any]] = []
    errors: list[dict[str, str]] = []
    for number, item in enumerate(given):
        here = f"{place}/{number}"
        if not isinstance(item, dict):
            errors.append(error_at(here, "not_an_object", gettext("An object is expected.")))
        elif "url" in item:
            errors += _stored_errors(item, stored.get(str(item["url"])), here)
        else:
            citation, wrong = _made(record, item, finder, here)
            new += [] if wrong else [(here, citation)]
            errors += wrong
    return new, errors


def _stored_errors(item: Mapping[str, object], row: models.Model | None, here: str) -> list[dict[str, str]]:
    if row is None:
        detail = gettext("This is no citation of the record; leave out “url” to add one.")
        return [error_at(f"{here}/url", "unknown_key", detail)]
    detail = gettext("A citation is changed at its own address.")
    return [
        error_at(f"{here}/{name}", "read_only", detail)
        for name in ("start", "end", "sha256", "supports")
        if name in item and item[name] != getattr(row, name)
    ]


def _made(record: Citable, item: Mapping[str, object], finder: Finder, here: str) -> tuple[Any, list[dict[str, str]]]:
    """Return a citation that is not stored yet, and what is wrong with its members."""
    model: Any = record._meta.get_field("citations").related_model
    inputs = {name: Input(name, model._meta.get_field(name)) for name in MEMBERS if name != "quotation"}
    values: dict[str, object] = {}
    digested, errors = _digested(item, here)
    item = {**item, **digested}
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
        if name not in item and not (name == "sha256" and "quotation" in item):
            detail = gettext("“%(name)s” is required.") % {"name": name}
            errors.append(error_at(f"{here}/{name}", "required", detail))
    return model(record=record, **values), errors


def _broken_rules(citation: models.Model, here: str, unknown: set[str]) -> list[dict[str, str]]:
    """Return which rules a citation breaks, but for those on fields whose values are not known yet."""
    computed = {field.name for field in citation._meta.fields if not field.editable or field.generated}
    try:
        citation.full_clean(exclude=computed | unknown)
    except ValidationError as error:
        return rule_errors(error, here, {})
    return []


def _digested(item: Mapping[str, object], here: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return the digest of the words, where a citation is given by its words, and what is wrong with these."""
    words = item.get("quotation")
    place = f"{here}/quotation"
    if words is None or "sha256" in item:
        return {}, []
    if not isinstance(words, str):
        return {}, [error_at(place, "not_a_text", gettext("A text is expected."))]
    try:
        check_text(words)
    except WrongError as error:
        return {}, [error_at(place, error.code, error.detail)]
    start, end = item.get("start"), item.get("end")
    if isinstance(start, int) and isinstance(end, int) and end - start != len(words):
        detail = gettext("The words have %(count)s characters, and the span has not.") % {"count": len(words)}
        return {}, [error_at(place, "wrong_length", detail)]
    return {"sha256": hashlib.sha256(words.encode()).hexdigest()}, []
