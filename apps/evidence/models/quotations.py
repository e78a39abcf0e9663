"""The words of citations: which of them everybody may read, and how an answer is made of them.

Citations cover nine tenths of an article's body, and the registry does not republish articles. So everybody is shown
words of a part of each body alone, whose length is limited (`QuotedShare`). Who is signed in is shown all.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import pgtrigger
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _
from pgtrigger import compiler
from psycopg.types.multirange import Int4Multirange
from psycopg.types.range import Int4Range

from apps.common.rules.evidence import SqlWithFunctions
from apps.common.sql.slots import literal
from apps.evidence import spans
from apps.evidence.models.articles import Article

if TYPE_CHECKING:  # a serializer, which Django cannot load before the models
    from apps.common.serializers.compiler import SqlRow

# `spans.quote` in SQL, of a span within a paragraph, else of any: some hold the end of a line. From what surrounds the
# words, as much on either side is given, and nothing outside the `part` that may be read. A function, for its plans
# would stand in each statement that shows citations, where preparing them costs more than all else that is new there.
QUOTATION_OF = """
CREATE OR REPLACE FUNCTION quotation_of(wanted bigint, opens integer, closes integer, part int4range) RETURNS json
LANGUAGE plpgsql STABLE AS $function$
DECLARE room integer := ({most} - least(closes - opens, {most})) / 2; quoted json;
BEGIN
    quoted := (SELECT row_to_json(r) FROM (
        SELECT CASE WHEN closes - opens > {most} THEN substr(line.text, opens - line.start + 1, {most} - 1) || '…'
               ELSE substr(line.text, opens - line.start + 1, closes - opens) END AS exact,
               substr(line.text, before - line.start + 1, opens - before) AS prefix,
               substr(line.text, closes - line.start + 1, behind - closes) AS suffix,
               line.number AS paragraph
        FROM evidence_paragraph AS line,
        LATERAL (SELECT greatest(line.start, opens - room, lower(part)) AS before,
                        least(line."end", closes + room, upper(part)) AS behind) AS ends
        WHERE line.article_id = wanted AND line.start <= opens AND line."end" >= closes
    ) AS r);
    IF quoted IS NOT NULL THEN
        RETURN quoted;
    END IF;
    RETURN (SELECT row_to_json(r) FROM (
        SELECT CASE WHEN closes - opens > {most} THEN substr(body, opens + 1, {most} - 1) || '…'
               ELSE substr(body, opens + 1, closes - opens) END AS exact,
               substr(body, before + 1, greatest(opens - before, 0)) AS prefix,
               substr(body, closes + 1, greatest(behind - closes, 0)) AS suffix,
               (SELECT count(*) FROM evidence_paragraph AS line
                WHERE line.article_id = wanted AND line.start <= opens) AS paragraph
        FROM (
            SELECT body, greatest(CASE newline_before WHEN 0 THEN 0 ELSE opens - newline_before + 1 END,
                                  opens - room, lower(part)) AS before,
                   least(CASE newline_behind WHEN 0 THEN length(body) ELSE closes + newline_behind - 1 END,
                         closes + room, upper(part)) AS behind
            FROM (
                SELECT body, strpos(reverse(left(body, opens)), E'\n') AS newline_before,
                       strpos(substr(body, closes + 1), E'\n') AS newline_behind
                FROM (SELECT substr(page.captured, source.body_start + 1, source.body_end - source.body_start) AS body
                      FROM evidence_article AS source JOIN evidence_articletext AS page ON page.article_id = source.id
                      WHERE source.id = wanted OFFSET 0) AS text
                OFFSET 0
            ) AS near
        ) AS ends
    ) AS r);
END;
$function$;
"""


class QuotedSql(NamedTuple):
    """SQL about the words of a citation: is the text attached, are the words shown, and the words as JSON."""

    attached: str
    shown: str
    quotation: str


def quoted_sql(row: "SqlRow") -> QuotedSql:
    """Return what an answer says of the words of a citation, for a row of a statement that is being written."""
    quoting = row.compilation.quoting
    article, start, end = row.column("article"), row.column("start"), row.column("end")
    page = row.beside("evidence_articletext", "article_id", f"article_id = {article}")
    attached = f"({page}.article_id IS NOT NULL)"
    if quoting.everything:
        part, shown = "'[0,)'::int4range", attached
    elif quoting.share:
        span = f"int4range({start}, {end})"
        limit = f"share <= {literal(str(quoting.share))}::float"
        condition = f"article_id = {page}.article_id AND {limit} AND parts @> {span} AND part @> {span}"
        part = f"{row.beside('evidence_quotedshare', 'part', condition, of='unnest(parts) AS part')}.part"
        shown = f"({part} IS NOT NULL)"
    else:
        return QuotedSql(attached, "false", "NULL::json")
    return QuotedSql(attached, shown, f"(CASE WHEN {shown} THEN quotation_of({article}, {start}, {end}, {part}) END)")


class PartsField(models.Field):
    """Stretches of a text that do not touch one another, as pairs of offsets (int4multirange)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "int4multirange"

    def from_db_value(self, value: Iterable[Int4Range] | None, *args: object) -> list[tuple[int, int]] | None:
        # NULL stands where a join has found no row.
        return None if value is None else [(part.lower or 0, part.upper or 0) for part in value]

    def get_prep_value(self, value: Iterable[tuple[int, int]]) -> Int4Multirange:
        return Int4Multirange([Int4Range(start, end) for start, end in value])


class QuotedShare(models.Model):
    """What everybody may read of an article, where its text is attached: the parts, and how long they may be in all.

    A part that was ever shown stays: what is read once is read. So parts are only added, as long as there is room.
    It is no record and not logged: the past is quoted as the present is.
    """

    article = models.OneToOneField(
        Article,
        models.CASCADE,
        primary_key=True,
        related_name="quoted_share",
        verbose_name=_("article"),
        help_text=_("Article whose words may be read."),
    )
    share = models.FloatField(_("share"), help_text=_("Setting under which the parts were chosen (QUOTED_SHARE)."))
    most = models.PositiveIntegerField(_("most characters"), help_text=_("How long the parts may be in all."))
    parts = PartsField(_("parts"), default=list, help_text=_("Stretches of the body that everybody may read."))

    class Meta:
        verbose_name = _("quoted share")
        verbose_name_plural = _("quoted shares")

    def __str__(self) -> str:
        return str(self.article)


class AddsToTheQuoted(pgtrigger.Trigger):
    """Words that are cited anew may be read by everybody while the article has room for them.

    A row that another transaction has locked is left as it is: who cites waits for nobody. The next start makes up for
    it (`texts.quoting.settle`).
    """

    def __init__(self) -> None:
        super().__init__(
            name="adds_to_the_quoted",
            operation=pgtrigger.Insert | pgtrigger.UpdateOf("article_id", "start", "end"),
            when=pgtrigger.After,
            func="""
                UPDATE evidence_quotedshare SET parts = parts + int4multirange(int4range(NEW.start, NEW."end"))
                WHERE article_id = (
                    SELECT article_id FROM evidence_quotedshare
                    WHERE article_id = NEW.article_id AND NOT parts @> int4range(NEW.start, NEW."end")
                      AND (SELECT sum(upper(part) - lower(part))
                           FROM unnest(parts + int4multirange(int4range(NEW.start, NEW."end"))) AS part) <= most
                    FOR UPDATE SKIP LOCKED
                );
                RETURN NULL;
            """,
        )

    def compile(self, model: models.Model) -> compiler.Trigger:
        """Return the trigger with the function of quotations before it."""
        compiled = super().compile(model)
        functions = QUOTATION_OF.format(most=spans.QUOTED_AT_MOST)
        return compiler.Trigger(name=compiled.name, sql=SqlWithFunctions(functions=functions, **compiled.sql.kwargs))
