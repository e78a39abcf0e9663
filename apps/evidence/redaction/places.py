"""The places of names in the database, and the rewriting of stored texts with the digests that depend on them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from django.apps import apps as django_apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from apps.common.models import ImportJob, KeptFile
from apps.common.models.logged_change import LoggedChange, amend
from apps.common.models.records import citable_models, derived_fields
from apps.common.rules.change_log import logged_models
from apps.common.values.columns import PythonColumn, validate_edtf
from apps.evidence import spans
from apps.evidence.models import (
    Article,
    ArticleText,
    Attestation,
    Citation,
    IssueDateCorrection,
    Mark,
    RedactedDigest,
    Redaction,
)
from apps.evidence.redaction.digests import MARK, RedactionKeys, Redactor, conceal, occurrences

EVIDENCE: tuple[type[Citation] | type[Attestation], ...] = (Citation, Attestation)


class Occurrence(NamedTuple):
    """A text of a row that holds a name, and the number of times."""

    row: models.Model
    field: str
    times: int


def redaction_keys() -> RedactionKeys:
    """Return the keys of this service."""
    return RedactionKeys([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


def redactor() -> Redactor:
    """Return a redactor for the names redacted so far."""
    return Redactor(redaction_keys(), list(Redaction.objects.order_by("pk").values_list("length", "digest")))


def redacted(text: str) -> str:
    """Return a text without the names redacted so far."""
    return redactor()(text)


def redacted_file(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a fixture file without redacted names, and with the digests of the redacted texts."""
    blacken = redactor()
    if not blacken.names:
        return content
    changed = RedactedDigest.objects.filter(article__slug=content["article"].get("slug", ""))
    digests = dict(changed.values_list("original", "sha256"))

    def read(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: read(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [read(inner) for inner in value]
        if name.endswith("sha256"):
            return _current(blacken.keys, digests, value)
        return blacken(value) if isinstance(value, str) else value

    return {name: read(value) for name, value in content.items()}


def _current(keys: RedactionKeys, digests: dict[str, str], sha256: object) -> object:
    """Return the digest that took the place of another one, through all redactions."""
    while found := next((digests[known] for known in keys.digests(str(sha256)) if known in digests), None):
        sha256 = found
    return sha256


# Finding --------------------------------------------------------------------------------------------------------------


def places_of(name: str) -> list[Occurrence]:
    """Return the occurrences of a name in records, notes of changes, stored pages and the log of the admin."""
    return [*_in_rows(name), *_in_texts(name), *_in_log(name)]


def text_fields(model: type[models.Model]) -> list[str]:
    """Return the columns that hold words: no key, no choice, no date, nothing computed."""
    return [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not isinstance(field, PythonColumn | models.GeneratedField)
        and not (field.unique or field.choices)
        and not any(isinstance(check, RegexValidator) or check is validate_edtf for check in field.validators)
    ]


def _in_rows(name: str) -> Iterator[Occurrence]:
    changes: list[type[models.Model]] = [IssueDateCorrection, Redaction]
    for model in (*citable_models().values(), *changes):
        yield from _in_fields(model, text_fields(model), name)


def _in_texts(name: str) -> Iterator[Occurrence]:
    yield from _in_fields(ArticleText, ["captured"], name)


def _in_log(name: str) -> Iterator[Occurrence]:
    yield from _in_fields(LogEntry, ["object_repr", "change_message"], name)
    if (escaped := _escaped(name)) != name:
        yield from _in_fields(LogEntry, ["change_message"], escaped)


def _escaped(text: str) -> str:
    """Return a text as the log of the admin, which is JSON, writes it."""
    return json.dumps(text)[1:-1]


def _in_fields(model: type[models.Model], names: list[str], wanted: str) -> Iterator[Occurrence]:
    condition = Q()
    for name in names:
        condition |= Q(**{f"{name}__contains": wanted})
    for row in model._base_manager.filter(condition).order_by("pk") if names else ():
        for name in names:
            if times := occurrences(getattr(row, name), wanted):
                yield Occurrence(row, name, times)


# Blackening -----------------------------------------------------------------------------------------------------------


def blacken_rows(name: str) -> int:
    """Blacken a name in all rows and in the log of the admin; returns the number of occurrences."""
    count = 0
    rows: dict[tuple[type[models.Model], object], tuple[models.Model, list[str]]] = {}
    for found in _in_rows(name):
        row, names = rows.setdefault((type(found.row), found.row.pk), (found.row, []))
        setattr(row, found.field, conceal(getattr(row, found.field), name))
        names.append(found.field)
        count += found.times
    for row, names in rows.values():
        _save(row, names, name)
    _blacken_evidence(name)
    for found in list(_in_log(name)):
        log = LogEntry.objects.get(pk=found.row.pk)  # both forms of the name may stand in one row
        text = conceal(getattr(log, found.field), name)
        setattr(log, found.field, text.replace(_escaped(name), _escaped(MARK * len(name))))
        log.save(update_fields=[found.field])
        count += found.times
    return count


def _save(row: models.Model, names: list[str], name: str) -> None:
    """Write the columns. Two people of one unit may have differed by their names alone: then one gets a longer bar."""
    longer: set[str] = set()
    for _attempt in range(20):
        try:
            with transaction.atomic():
                row.save(update_fields=names)
                for field in longer:
                    _say_longer(row, field, name)
                return
        except IntegrityError:
            bars = [name for name in names if set(getattr(row, name)) == {MARK}]
            if not bars:
                raise
            setattr(row, bars[0], getattr(row, bars[0]) + MARK)
            longer.add(bars[0])
    raise IntegrityError(f"{row} cannot be told from others without the name")


def _say_longer(row: models.Model, field: str, name: str) -> None:
    """Have the evidence that says a name say the longer bar in its place."""
    for model in EVIDENCE:
        content_type = ContentType.objects.get_for_model(row)
        own = model._base_manager.filter(content_type=content_type, object_id=row.pk, **{f"says__{field}": name})
        for pk, says in own.values_list("pk", "says"):
            model._base_manager.filter(pk=pk).update(says={**says, field: getattr(row, field)})


def _blacken_evidence(name: str) -> None:
    """Blacken a name in what evidence says and in notes on what was read: a copy of the records, and not counted."""
    for model in EVIDENCE:
        for field in _json_fields(model):
            rows = model._base_manager.annotate(held=Cast(field, models.TextField())).filter(_holds(name))
            for pk, value in rows.values_list("pk", field):
                model._base_manager.filter(pk=pk).update(**{field: _blackened(value, name)})


def blacken_texts(name: str) -> int:
    """Blacken a name in all stored pages; returns the number of occurrences."""
    count = 0
    for found in list(_in_texts(name)):
        text = cast("ArticleText", found.row)
        replace_text(text, conceal(text.captured, name))
        count += found.times
    return count


def replace_text(text: ArticleText, captured: str) -> ArticleText:
    """Put a redacted page in the place of the stored one, and give the article and its spans the digests of it.

    The database compares text, article and spans whenever one of them is written while the text is there. So the text
    is taken away, the digests follow, and the new text is checked against all of them when it comes back.
    """
    article = Article.objects.select_for_update().get(pk=text.article_id)
    former = text.captured
    body = captured[article.body_start : article.body_end]
    text.delete()
    keys, changed = redaction_keys(), {}
    for column, sha256 in (("captured_sha256", spans.digest(captured)), ("body_sha256", spans.digest(body))):
        changed[getattr(article, column)] = sha256
        setattr(article, column, sha256)
    article.save(update_fields=["captured_sha256", "body_sha256"])
    for model in (Citation, Mark):
        for span in model._base_manager.filter(article=article):
            sha256 = spans.digest(body[span.start : span.end])
            if sha256 != span.sha256:
                changed[span.sha256] = sha256
                span.sha256 = sha256
                span.save(update_fields=["sha256"])
    for old, new in changed.items():
        if old != new:
            RedactedDigest.objects.update_or_create(
                article=article, original=keys.digest(old), defaults={"sha256": new}
            )
    made = ArticleText.objects.create(article=article, captured=captured)
    _replace_in_log(article, {**changed, former: captured})
    return made


# What else is kept ---------------------------------------------------------------------------------------------------


def blacken_the_rest(name: str) -> None:
    """Blacken a name in all tables that hold neither records nor the logs: kept answers, notes, names of tokens …

    Files that wait for their import are dropped: in a spreadsheet a name cannot be found without unpacking it.
    """
    KeptFile.objects.all().delete()
    ImportJob.objects.exclude(content=None).delete()
    for model in django_apps.get_models():
        if not _is_elsewhere(model):
            continue
        for field in [*text_fields(model), *_json_fields(model)]:
            texts = model._base_manager.annotate(held=Cast(field, models.TextField()))
            for pk, value in texts.filter(_holds(name)).values_list("pk", field):
                model._base_manager.filter(pk=pk).update(**{field: _blackened(value, name)})


def _is_elsewhere(model: type[models.Model]) -> bool:
    """Whether rows of a model are neither blackened with the records nor Django's own lists of models."""
    records = {*citable_models().values(), *logged_models().values()}
    seen = {*records, IssueDateCorrection, Redaction, RedactedDigest, LogEntry, LoggedChange}
    return model not in seen and model._meta.app_label not in ("auth", "contenttypes")


def _json_fields(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if isinstance(field, models.JSONField)]


def _holds(name: str) -> Q:
    """Return the condition for texts with a name, as it is or as JSON may write it."""
    return Q(held__contains=name) | Q(held__contains=_escaped(name))


def _blackened(value: object, name: str) -> object:
    """Return a text, or the texts within a JSON value, without a name."""
    if isinstance(value, str):
        return conceal(value, name).replace(_escaped(name), _escaped(MARK * len(name)))
    if isinstance(value, list):
        return [_blackened(each, name) for each in value]
    if isinstance(value, dict):
        return {str(_blackened(key, name)): _blackened(each, name) for key, each in value.items()}
    return value


# The change log -------------------------------------------------------------------------------------------------------


def blacken_log(name: str) -> None:
    """Blacken a name in the change log: in the rows before and after each change, and in the reasons."""
    models_by_table = logged_models()

    def change(entry: LoggedChange) -> bool:
        model = models_by_table.get(entry.table_name)  # none for a table that is not logged any more
        found = [_blacken_values(model, row, name) for row in (entry.before, entry.after)] if model else []
        reason = conceal(entry.reason, name)
        altered = any(found) or reason != entry.reason
        entry.reason = reason
        return altered

    amend(change, holding=name)


def _blacken_values(model: type[models.Model], row: dict[str, Any] | None, name: str) -> bool:
    """Blacken a name in a logged row and in the columns computed from it; return whether the row held it."""
    if row is None:
        return False
    names = ["captured"] if model is ArticleText else text_fields(model)
    told = [each for each in _json_fields(model) if row.get(each)] if model in EVIDENCE else []
    notes = [column for column in told if name in json.dumps(row[column], ensure_ascii=False)]
    for column in notes:
        row[column] = _blackened(row[column], name)
    changed = [column for column in names if name in (row.get(column) or "")]
    for column in changed:
        row[column] = conceal(row[column], name)
    for field in derived_fields(model):
        if set(field.sources) & set(changed):
            row[field.attname] = field.computed({name: row[name] for name in field.sources})
    return bool(changed or notes)


def _replace_in_log(article: Article, changed: dict[str, str]) -> None:
    """Put redacted texts and digests of an article in the place of the former ones in the change log."""

    def change(entry: LoggedChange) -> bool:
        altered = False
        for row in (entry.before, entry.after):
            for column, value in (row or {}).items():
                if isinstance(value, str) and changed.get(value, value) != value:
                    row[column] = changed[value]  # type: ignore[index]
                    altered = True
        return altered

    for model in (Article, ArticleText):
        amend(change, table_name=model._meta.db_table, record_id=article.pk)
    for span in (Citation, Mark):
        for side in ("before", "after"):
            of_article: dict[str, Any] = {f"{side}__article_id": article.pk}
            amend(change, table_name=span._meta.db_table, **of_article)
