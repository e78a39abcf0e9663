"""Nothing is published without a citation: what a record or division rests on when the transaction ends."""

import pgtrigger
from django.utils.translation import gettext_lazy as _

from apps.common.rules.guards import Guard, Sentence

BODY = """
    IF EXISTS (SELECT FROM {{meta.db_table}} WHERE id = NEW.id AND {published}) AND NOT EXISTS (
        SELECT FROM evidence_citation JOIN django_content_type ON django_content_type.id = content_type_id
        WHERE app_label = '{{meta.app_label}}' AND model = '{{meta.model_name}}' AND object_id = NEW.id
    ) THEN
        RAISE check_violation USING
            CONSTRAINT = TG_TABLE_NAME || '_has_evidence',
            MESSAGE = format('the published {{meta.model_name}} %s has no evidence', NEW.id);
    END IF;
    RETURN NULL;
"""
NO_EVIDENCE = _("A published record rests on at least one citation; give one in the same request.")


def rests_on_evidence(name: str, *, published: str, column: str) -> Guard:
    """Return the trigger that refuses a published row without a citation.

    `published` is SQL for whether a row is, and `column` the one of which it speaks. Deferred: a record and its first
    citation come in the same transaction, in either order.
    """
    return Guard(
        name=name,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf(column),
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        func=pgtrigger.Func(BODY.format(published=published)),
        sentences={"_has_evidence": Sentence("no_evidence", NO_EVIDENCE, "citations")},
    )
