"""Changes of evidence that touch several rows, or that the database checks."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.models.records import Fact
from apps.common.models.row_names import field_label
from apps.common.rules.publishing import breaches_of
from apps.common.values.columns import validate_edtf
from apps.common.writing.evidence import affirm_all, attest, rests_on_others, unproven
from apps.common.writing.refusals import breach_texts
from apps.common.writing.review import objection
from apps.common.writing.statuses import enter_by_rule
from apps.evidence import spans
from apps.evidence.issue_dates import moves
from apps.evidence.models import Article, ArticleText, IssueDateCorrection, Redaction
from apps.evidence.models.evidence import WithoutKey
from apps.evidence.redaction.digests import MARK, conceal
from apps.evidence.redaction.places import (
    blacken_log,
    blacken_rows,
    blacken_texts,
    blacken_the_rest,
    redacted,
    redaction_keys,
    replace_text,
)
from apps.evidence.support_levels import levels_of
from apps.evidence.texts.differences import difference
from apps.evidence.texts.quoting import settle

# In the place of `bulk_update`, whose statement of a CASE with an arm for each row took half as long as the checks.
STORE_LEVELS = """
    UPDATE evidence_citation SET levels = found.levels, updated_at = %s
    FROM unnest(%s::bigint[], %s::jsonb[]) AS found(id, levels) WHERE evidence_citation.id = found.id
"""


class TextError(ValueError):
    """A text that is not the one of the article."""


@transaction.atomic
def attach_text(*, article: Article, captured: str) -> ArticleText:
    """Store the captured page of an article, and choose what everybody may read of it.

    Raises TextError when its digest is not the recorded one, or when a citation or mark of the article does not agree
    with it; nothing is stored then.
    """
    captured = spans.normalise(captured)
    public = redacted(captured)
    if spans.digest(public) == article.captured_sha256:
        captured = public  # the article was redacted before: the original page is taken, and stored without the names
    if spans.digest(captured) != article.captured_sha256:
        raise TextError(difference(article, captured))
    try:
        with transaction.atomic():
            text, _created = ArticleText.objects.update_or_create(article=article, defaults={"captured": captured})
    except IntegrityError as error:
        raise TextError(difference(article, captured) or str(error).splitlines()[0]) from error
    if captured != public:
        text = replace_text(text, public)
    settle(article)
    settle_levels(article)
    return text


def settle_levels(article: Article) -> None:
    """Store how closely the words of each citation say its values. Raises TextError with the first that do not."""
    citations = list(article.citation_spans.order_by("start", "end", "slug").select_related("article"))
    changed = []
    for citation, found in zip(citations, levels_of(citations), strict=True):
        if found.errors:
            names = ", ".join(sorted(found.errors))
            place = f"{article.slug} {citation.start}-{citation.end} {citation.slug}"
            raise TextError(_("%(place)s: the words do not say: %(names)s.") % {"place": place, "names": names})
        if citation.levels != found.levels:
            citation.levels = found.levels
            changed.append(citation)
    with connection.cursor() as cursor:
        levels = [json.dumps(citation.levels) for citation in changed]
        cursor.execute(STORE_LEVELS, [timezone.now(), [citation.pk for citation in changed], levels])


@transaction.atomic
def take_in(*, captured: str, body_start: int, body_end: int, **values: Any) -> Article:
    """Make an article of a captured page, and attach the page. Raises ValidationError for values that are not valid."""
    captured = redacted(captured)
    digest = spans.digest(captured)
    if known := Article.objects.filter(captured_sha256=digest).first():
        raise ValidationError(_("This page is here already, as “%s”.") % known)
    if not captured[body_start:body_end].strip() or body_end > len(captured):
        raise ValidationError(_("There is no text from %(start)s to %(end)s.") % {"start": body_start, "end": body_end})
    article = Article(
        **values,
        captured_file=f"{digest[:16]}.txt",
        captured_sha256=digest,
        body_start=body_start,
        body_end=body_end,
        body_sha256=spans.digest(captured[body_start:body_end]),
    )
    article.full_clean()
    article.save()
    attach_text(article=article, captured=captured)
    return article


@transaction.atomic
def publish(*, records: Iterable[Fact], by: User) -> int:
    """Publish what is a draft or submitted, and log the user; returns the number of records that were published.

    Raises ValidationError, with a message for each reason, when one has no citation, is not for the user to publish, or
    points at what is not published and not among those published; none is published then.
    """
    drafts = [record for given in records if (record := _locked(given)).state != Fact.State.PUBLISHED]
    problems = [
        f"{each}: {why.detail}"
        for each in drafts
        if (why := objection(by, each, is_changed=False, rests_on_article=rests_on_others(each)))
    ]
    published: dict[type[Fact], dict[int, Fact]] = defaultdict(dict)
    for record in drafts:
        record.state = Fact.State.PUBLISHED
        record.save(update_fields=["state"])
        problems += [f"{record}: {text}" for error in affirm_all(record) for text in error.messages]
        published[type(record)][record.pk] = record
        LogEntry.objects.log_actions(by.pk, [record], CHANGE, [{"changed": {"fields": ["state"]}}], single_object=True)
    for model, rows in published.items():
        wrong = breaches_of(model, rows)
        told = zip(wrong, breach_texts(wrong, by), strict=True)
        problems += [f"{rows[breach.pk]}: {text}" for breach, text in told]
        problems += [
            _text_of(rows[pk], left)
            for pk, names in unproven(model, rows).items()
            if (left := attest(rows[pk], names, by))
        ]
    if problems:
        raise ValidationError(problems)
    for record in drafts:
        enter_by_rule(record)
    try:
        connection.check_constraints()  # now, while the error can be shown; another transaction may have come between
    except IntegrityError as error:
        raise ValidationError(str(error).partition("\n")[0]) from error
    return len(drafts)


def _text_of(record: Fact, unproven_fields: Collection[str]) -> str:
    """Return why a record is not published: which of its values rest on nothing."""
    if "" in unproven_fields or not record.citations.exists():
        return _("%(record)s has no evidence yet.") % {"record": record}
    named = ", ".join(field_label(type(record), name) for name in unproven_fields)
    return _("%(record)s has no evidence for: %(names)s.") % {"record": record, "names": named}


def _locked(record: Fact) -> Fact:
    return type(record)._default_manager.select_for_update(of=("self",)).get(pk=record.pk)


@transaction.atomic
def correct_issue_date(*, article: Article, issued_on: str, by: User, reason: str) -> IssueDateCorrection:
    """Change the date of issue of an article, and with it every date that is counted from it.

    Raises ValidationError, and changes nothing, when there is no reason, or when a wording that is counted from the
    date is not known.
    """
    validate_edtf(issued_on)
    article = Article.objects.select_for_update().get(pk=article.pk)
    if not reason.strip():
        raise ValidationError(_("Say why the date of issue is corrected."))
    if article.issued_on == issued_on:
        raise ValidationError(_("The date of issue is that already."))
    found = moves(article, issued_on)
    for move in found:
        setattr(move.record, move.field, move.new)
        setattr(move.record, f"{move.field}_relative_to", issued_on)
        move.record.save(update_fields=[move.field, f"{move.field}_relative_to"])
        # The same words now mean the new date.
        supporting = move.record.citations.filter(article=article, says__has_key=move.field)
        supporting.update(says=WithoutKey("says", move.field))
    correction = IssueDateCorrection.objects.create(
        article=article,
        old=article.issued_on,
        new=issued_on,
        moved=[move.as_json() for move in found],
        by=by,
        reason=redacted(reason.strip()),
    )
    article.issued_on = issued_on
    article.save(update_fields=["issued_on"])
    return correction


def check_name(name: str) -> str:
    """Return a name that can be redacted; raises ValidationError for anything else."""
    name = name.strip()
    if len(name) < 2 or len(name) > 60 or MARK in name or "\0" in name:
        raise ValidationError(_("Give the whole name, as it is printed."))
    return name


@transaction.atomic
def redact_person(*, name: str, by: User, reason: str) -> Redaction:
    """Remove a person's name from records, their history, stored pages and notes; returns the redaction.

    Slugs are permanent and stay. Raises ValidationError without a reason, and for a text that cannot be a name.
    """
    name = check_name(name)
    if not reason.strip():
        raise ValidationError(_("Say why the name is removed."))
    places = blacken_texts(name) + blacken_rows(name)
    blacken_the_rest(name)
    blacken_log(name)
    return Redaction.objects.create(
        digest=redaction_keys().digest(name),
        length=len(name),
        places=places,
        by=by,
        reason=conceal(reason.strip(), name),
    )
