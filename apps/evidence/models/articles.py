"""Published articles, and their texts where they are attached."""

from typing import TYPE_CHECKING

import pgtrigger
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Counted, Record
from apps.common.rules.change_log import logged
from apps.common.rules.guards import Guard, Sentence
from apps.common.sql.slots import literal
from apps.common.values.columns import EDTFField, PinyinField, SearchField
from apps.common.values.ngram_columns import MakesNgrams, NgramsField, NgramsIndex
from apps.common.values.texts import OneLineField
from apps.registry.models import District, Neighbourhood, Street

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SHA256_PATTERN = r"^[0-9a-f]{64}$"
# The last of all blanks is the ideographic space.
BLANKS = "".join(char for char in map(chr, range(ord("\u3000") + 1)) if char.isspace() and char != "\n")
NOT_ON_THE_WEB = _("An address of the web is expected, such as https://www.example.cn/2023/07/06/a.html.")
# Who keeps a division is a curator, and keeps what belongs to no division, too; who speaks for a unit does not.
CURATORS = tuple(model.appointable for model in (District, Street, Neighbourhood))


def sha256_field(label: "StrOrPromise", help_text: "StrOrPromise") -> "models.CharField[str, str]":
    return models.CharField(
        label,
        max_length=64,
        validators=[RegexValidator(SHA256_PATTERN, _("64 hexadecimal digits in lower case are expected."))],
        help_text=help_text,
    )


class Article(Record):
    """A published source. Its text stays outside the registry; what is kept are its position and digest."""

    resource = "articles"
    counted_by = Counted(date="issued_on")
    name_field = "title"
    kept_by = CURATORS

    title = OneLineField(_("title"), max_length=200, help_text=_("Title as published."))
    title_pinyin = PinyinField(
        _("pinyin"),
        source="title",
        max_length=800,
        db_collation="C",
        help_text=_("The title in Hanyu Pinyin, by which titles are sorted."),
    )
    search_text = SearchField(
        _("search text"),
        source="title",
        help_text=_("Title, pinyin and initials in the form in which they are searched."),
    )
    ngrams = NgramsField("search_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))
    publisher = OneLineField(_("publisher"), max_length=100, blank=True, help_text=_("Medium that first published it."))
    republisher = OneLineField(
        _("re-publisher"), max_length=100, blank=True, help_text=_("Site from which the text was captured.")
    )
    byline = OneLineField(_("byline"), max_length=100, blank=True, help_text=_("Author as printed."))
    editor = OneLineField(_("editor"), max_length=100, blank=True, help_text=_("Editors as printed."))
    issued_on = EDTFField(_("issued on"), help_text=_("Date of issue."))
    canonical_url = OneLineField(
        _("address of its publication"),
        max_length=500,
        blank=True,
        validators=[URLValidator(["http", "https"], message=NOT_ON_THE_WEB)],
        help_text=_("Where the article stands on the web, as its publisher gives it: https://…"),
    )
    page = OneLineField(_("page"), max_length=100, blank=True, help_text=_("Page or section in print."))
    captured_file = OneLineField(
        _("captured file"), max_length=100, unique=True, help_text=_("Name of the file that holds the captured page.")
    )
    captured_sha256 = sha256_field(_("digest of the page"), _("SHA-256 of the captured page in UTF-8, newlines as LF."))
    body_start = models.PositiveIntegerField(
        _("body start"), help_text=_("Offset in the captured page at which the body begins, in Unicode code points.")
    )
    body_end = models.PositiveIntegerField(
        _("body end"), help_text=_("Offset in the captured page behind the body's last character.")
    )
    body_length = models.GeneratedField(
        expression=F("body_end") - F("body_start"),
        output_field=models.PositiveIntegerField(),
        db_persist=True,
        verbose_name=_("length of the body"),
        help_text=_("Length of the body in Unicode code points; citations lie within it."),
    )
    body_sha256 = sha256_field(_("digest of the body"), _("SHA-256 of the body in UTF-8, newlines as LF."))

    class Meta(Record.Meta):
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["slug"]
        indexes = [NgramsIndex(fields=["ngrams"], name="evidence_article_ngrams")]
        triggers = [*Record.Meta.triggers, MakesNgrams()]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(body_end__gt=F("body_start")),
                name="evidence_article_body_not_empty",
                violation_error_message=_("The body ends before it begins."),
            ),
            models.CheckConstraint(
                condition=Q(canonical_url="") | Q(canonical_url__regex=r"^https?://[^\s<>\"]+$"),
                name="evidence_article_address_of_the_web",
                violation_error_message=NOT_ON_THE_WEB,
            ),
            models.CheckConstraint(
                condition=Q(captured_sha256__regex=SHA256_PATTERN, body_sha256__regex=SHA256_PATTERN),
                name="evidence_article_digests",
                violation_error_message=_(
                    "The digests of an article are SHA-256, in 64 lower-case hexadecimal digits."
                ),
            ),
        ]


class Paragraph(models.Model):
    """A line of an article's body that holds text, as a trigger on the text makes it: quoting reads no more than it."""

    article = models.ForeignKey(
        Article,
        models.CASCADE,
        related_name="paragraphs",
        verbose_name=_("article"),
        help_text=_("Article whose text is attached."),
    )
    number = models.PositiveIntegerField(_("number"), help_text=_("Place among the paragraphs, from 1."))
    start = models.PositiveIntegerField(_("start"), help_text=_("Offset of its first character in the body."))
    end = models.PositiveIntegerField(_("end"), help_text=_("Offset behind its last character."))
    text = models.TextField(_("text"), help_text=_("Its words."))

    class Meta:
        verbose_name = _("paragraph")
        verbose_name_plural = _("paragraphs")
        ordering = ["article", "start"]
        constraints = [models.UniqueConstraint(fields=["article", "start"], name="evidence_paragraph_once")]

    def __str__(self) -> str:
        return f"{self.article} §{self.number}"


class MakesParagraphs(pgtrigger.Trigger):
    """The paragraphs of a text that is attached, replaced or taken away."""

    def __init__(self) -> None:
        super().__init__(
            name="makes_paragraphs",
            operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            when=pgtrigger.After,
            func=f"""
                DELETE FROM evidence_paragraph WHERE article_id = coalesce(NEW.article_id, OLD.article_id);
                INSERT INTO evidence_paragraph (article_id, number, start, "end", text)
                SELECT NEW.article_id, row_number() OVER (ORDER BY start), start, start + length(line), line
                FROM (
                    SELECT line, sum(length(line) + 1) OVER (ORDER BY place) - length(line) - 1 AS start
                    FROM evidence_article AS source, regexp_split_to_table(
                        substr(NEW.captured, source.body_start + 1, source.body_end - source.body_start), E'\n'
                    ) WITH ORDINALITY AS lines (line, place)
                    WHERE source.id = NEW.article_id
                ) AS placed
                WHERE btrim(line, {literal(BLANKS)}) <> '';
                RETURN NULL;
            """,  # noqa: S608 - of a constant
        )


class ArticleText(models.Model):
    """The captured page of an article. It is stored for checking and quoting, and is no part of the repository.

    The database takes only the text whose digest the article records, and only while every citation and mark of the
    article agrees with it.
    """

    article = models.OneToOneField(
        Article,
        models.CASCADE,
        primary_key=True,
        related_name="text",
        verbose_name=_("article"),
        help_text=_("Article whose page it is."),
    )
    captured = models.TextField(_("captured page"), help_text=_("The page as captured, newlines as LF."))
    attached_at = models.DateTimeField(_("attached at"), auto_now=True, help_text=_("When the text was attached."))

    gone_for_good = True  # a page that was taken away is not quoted from the past either

    class Meta:
        verbose_name = _("article text")
        verbose_name_plural = _("article texts")
        triggers = [
            *logged(dated=False),  # quotations are made of it
            MakesParagraphs(),
            Guard(
                name="text_is_the_article",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                declare=[("source", "evidence_article%ROWTYPE"), ("body", "text"), ("wrong", "bigint")],
                func="""
                    SELECT * INTO source FROM evidence_article WHERE id = NEW.article_id;
                    body := substr(NEW.captured, source.body_start + 1, source.body_end - source.body_start);
                    IF encode(sha256(convert_to(NEW.captured, 'UTF8')), 'hex') <> source.captured_sha256
                       OR encode(sha256(convert_to(body, 'UTF8')), 'hex') <> source.body_sha256 THEN
                        RAISE check_violation USING
                            CONSTRAINT = 'evidence_articletext_digest',
                            MESSAGE = format('the text is not the one recorded for the article %s', source.slug);
                    END IF;
                    SELECT count(*) INTO wrong FROM (
                        SELECT start, "end", sha256 FROM evidence_citation WHERE article_id = source.id
                        UNION ALL
                        SELECT start, "end", sha256 FROM evidence_mark WHERE article_id = source.id
                    ) AS span
                    WHERE encode(sha256(convert_to(substr(body, start + 1, "end" - start), 'UTF8')), 'hex') <> sha256;
                    IF wrong > 0 THEN
                        RAISE check_violation USING
                            CONSTRAINT = 'evidence_articletext_spans',
                            MESSAGE = format('%s citations of %s do not agree with the text', wrong, source.slug);
                    END IF;
                    RETURN NEW;
                """,
                sentences={
                    "_digest": Sentence(
                        "constraint", _("The text is not the one that the article records."), "captured"
                    ),
                    "_spans": Sentence(
                        "constraint", _("Citations of the article do not agree with the text."), "captured"
                    ),
                },
            ),
        ]

    def __str__(self) -> str:
        return str(self.article)

    @property
    def body(self) -> str:
        """The body of the article: the part of the page in which citations lie."""
        return self.captured[self.article.body_start : self.article.body_end]
