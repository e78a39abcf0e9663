"""The base of every record, and what all records share: identity, names, evidence, derived columns."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, ClassVar, NamedTuple, cast

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import ExpressionWrapper, F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common import pinyin
from apps.common.drafts import Publishable, points_at_no_draft
from apps.common.fields import (
    Derived,
    MakesNgrams,
    NgramsField,
    NgramsIndex,
    PinyinField,
    ProseField,
    SearchField,
)
from apps.common.log import LoggedChange, logged
from apps.common.searching import term_parameters
from apps.common.territory import Keeper, condition, territory_of

__all__ = ["LoggedChange"]  # Django looks for models here

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_LENGTH = 120


# Body of the trigger that refuses a published row without a citation; `published` says when a row is.
EVIDENCE = """
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


def clean_q(text: str) -> list[str]:
    """Split a search text into its normalised words; words that normalise to nothing are left out."""
    return [term for word in text.split() if (term := pinyin.normalise_term(word))]


def derived_fields(model: type[models.Model]) -> list[Derived]:
    """Return the columns of a model that are computed from another one."""
    return [field for field in model._meta.concrete_fields if isinstance(field, Derived) and field.sources]


class RecordQuerySet(models.QuerySet[Any]):
    """Questions that every record answers, and writes that keep derived columns in step."""

    def matching(self, text: str) -> "RecordQuerySet":
        """Return the rows in whose names every word of `text` is found: Chinese, pinyin or initials."""
        queryset = self
        for term in clean_q(text):
            queryset = queryset.filter(self.model.search_condition(*term_parameters(term)))
        return queryset

    def visible_to(self, user: Any) -> "RecordQuerySet":
        """Return the rows that a user may see: drafts are for those who may edit them."""
        territory = territory_of(user)
        if territory.everything or not issubclass(self.model, Fact):
            return self
        published, lying = Q(state=Fact.State.PUBLISHED), condition(self.model, territory)
        return self.filter(published if lying is None else published | lying)

    def editable_by(self, user: Any) -> "RecordQuerySet":
        """Return the rows that a user may edit: those that lie in the user's territory."""
        territory = territory_of(user)
        if territory.everything:
            return self
        lying = condition(self.model, territory)
        return self.none() if lying is None else self.filter(lying)

    def seen_with_record(self, user: Any) -> "RecordQuerySet":
        """Return the rows that a user may see among those that hang on a record which the user sees."""
        return self.visible_to(user)

    @staticmethod
    def hidden_records(user: Any) -> list[tuple[type["Fact"], "RecordQuerySet"]]:
        """Return the rows of all kinds that a user may not see."""
        territory = territory_of(user)
        if territory.everything:
            return []
        hidden = []
        for model in citable_models().values():
            if issubclass(model, Fact):
                drafts = model._default_manager.exclude(state=Fact.State.PUBLISHED)
                if (lying := condition(model, territory)) is not None:
                    drafts = drafts.exclude(pk__in=model._base_manager.filter(lying).values("pk"))
                hidden.append((model, drafts))
        return hidden

    def valid_on(self, day: date) -> "RecordQuerySet":
        """Return the rows that may have been true on a day: neither begun after it nor ended before it for certain."""
        queryset = self
        if self.model.begins_field:
            begun = {f"{self.model.begins_field}_earliest__lte": day}
            queryset = queryset.filter(Q(**{f"{self.model.begins_field}_earliest": None}) | Q(**begun))
        if self.model.ends_field:
            lasting = {f"{self.model.ends_field}_latest__gte": day}
            queryset = queryset.filter(Q(**{f"{self.model.ends_field}_latest": None}) | Q(**lasting))
        return queryset

    def update(self, **kwargs: Any) -> int:
        for field in derived_fields(self.model):
            values = {name: kwargs[name] for name in field.sources if name in kwargs}
            expressions = [name for name, value in values.items() if hasattr(value, "resolve_expression")]
            if values and not expressions:
                kwargs[field.name] = field.computed(values)
            elif expressions and field.name not in kwargs:  # bulk_update() gives an expression for both
                raise TypeError(f"{expressions[0]} feeds {field.name}: give update() a value, not an expression")
        return super().update(**{"updated_at": timezone.now(), **kwargs})

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        rows, names = list(objs), list(fields)
        derived = [field for field in derived_fields(self.model) if set(field.sources) & set(names)]
        for row in rows:
            for field in derived:
                field.pre_save(row, add=False)
        return super().bulk_update(rows, [*names, *(field.name for field in derived)], batch_size)


class Citable(Keeper, models.Model):
    """Anything that a published sentence can speak about: a record or a division."""

    resource: ClassVar[str]
    key_field: ClassVar[str] = "slug"
    name_field: ClassVar[str] = "name"
    # Where `?q=` looks: columns of n-grams each with the texts that they are of, and what the row points at.
    search_columns: ClassVar[dict[str, tuple[str, ...]]] = {"ngrams": ("search_text",)}
    search_relations: ClassVar[tuple[str, ...]] = ()
    begins_field: ClassVar[str] = ""
    ends_field: ClassVar[str] = ""

    # By name, not by import: evidence points at everything and nothing imports it.
    citations = GenericRelation(
        "evidence.Citation", content_type_field="content_type", object_id_field="object_id", related_query_name="+"
    )
    figures = GenericRelation(
        "evidence.Figure", content_type_field="content_type", object_id_field="object_id", related_query_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))
    updated_at = models.DateTimeField(
        _("updated at"), auto_now=True, db_index=True, help_text=_("When the row last changed.")
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        # Here and not in save(), which may choose the fields itself, where some were not loaded.
        if fields := kwargs.get("update_fields"):
            derived = [field.name for field in derived_fields(type(self)) if set(field.sources) & set(fields)]
            kwargs["update_fields"] = frozenset({*fields, *derived, "updated_at"})
        super().save_base(*args, **kwargs)

    @property
    def key(self) -> str:
        """The public identifier: the official code of a division, the slug of anything else."""
        return str(getattr(self, self.key_field))

    @classmethod
    def search_condition(cls, tsquery: Any, like: Any = None, *, is_at_hand: bool = False) -> Q:
        """Return the condition under which a term is found in a row, from what `searching.term_parameters` returns.

        Both may be expressions: the condition has one shape with a pattern and one without, whatever their values.
        Rows that are at hand are compared with the pattern alone, which says the same: their n-grams need not be read.
        """
        condition = Q()
        for ngrams, texts in cls.search_columns.items():
            condition |= like_in(texts, like) if is_at_hand else found_in(ngrams, texts, tsquery, like)
        for name in cls.search_relations:
            target: Any = cls._meta.get_field(name).related_model
            found = target._base_manager.filter(target.search_condition(tsquery, like)).order_by()
            condition |= is_one_of(name, ArraySubquery(found.values("pk"), template="(ARRAY(%(subquery)s))"))
        return condition


def is_one_of(column: str, array: Any) -> Q:
    """Return the condition for rows whose column is in an array; `array` is an expression in brackets.

    Unlike IN with a subquery, which is asked of every row, it is looked up in the column's index.
    """
    found = Func(F(column), array, arg_joiner=" = ANY ", template="(%(expressions)s)")
    return Q(ExpressionWrapper(found, models.BooleanField()))


def found_in(ngrams: str, texts: Iterable[str], tsquery: Any, like: Any = None) -> Q:
    """Return the condition under which a term is found in the texts that a column of n-grams is of."""
    holds = Q(**{f"{ngrams}__hold": tsquery})
    return holds if like is None else holds & like_in(texts, like)


def like_in(texts: Iterable[str], like: Any) -> Q:
    """Return the condition under which one of the texts meets a pattern."""
    meets = Q()
    for text in texts:
        meets |= Q(**{f"{text}__like": like})
    return meets


class RetiredSlug(models.Model):
    """A slug whose record was deleted. Written by the database; the slug is never given to another record.

    One that was merged into another record names that one's slug, which may be retired itself by now.
    """

    table = models.CharField(_("table"), max_length=63, help_text=_("Table of the deleted record."))
    slug = models.CharField(_("slug"), max_length=SLUG_LENGTH, help_text=_("Slug of the deleted record."))

    successor = models.CharField(
        _("successor"),
        max_length=SLUG_LENGTH,
        blank=True,
        db_default="",  # the trigger gives none
        help_text=_("Slug of the record into which the deleted one was merged."),
    )

    class Meta:
        verbose_name = _("retired slug")
        verbose_name_plural = _("retired slugs")
        constraints = [models.UniqueConstraint(fields=["table", "slug"], name="common_retiredslug_once")]

    def __str__(self) -> str:
        return f"{self.table}/{self.slug}"

    @classmethod
    def successor_of(cls, model: type["Citable"], slug: str, viewer: Any = None) -> str:
        """Return the slug of the record that a merged one is by now; empty for any other slug, and a hidden one."""
        found, seen = "", {slug}
        rows = cls.objects.filter(table=model._meta.db_table).exclude(successor="")
        while (following := rows.filter(slug=found or slug).values_list("successor", flat=True).first()) is not None:
            if following in seen:
                return ""
            seen.add(following)
            found = following
        visible: Any = model._default_manager.all()
        return found if found and visible.visible_to(viewer).filter(slug=found).exists() else ""


class Record(Citable):
    """A record with a slug: ASCII, unique within its resource, permanent, never reused."""

    slug = models.CharField(
        _("slug"),
        max_length=SLUG_LENGTH,
        unique=True,
        blank=True,
        validators=[RegexValidator(SLUG_PATTERN, _("Lower-case ASCII letters, digits and single hyphens only."))],
        help_text=_("Permanent identifier in addresses: ASCII, unique, never changed. Made from the name if empty."),
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=SLUG_PATTERN), name="%(app_label)s_%(class)s_slug_ascii"),
        ]
        triggers = [
            *logged(),
            pgtrigger.ReadOnly(name="slug_is_permanent", fields=["slug"]),
            pgtrigger.Trigger(
                name="slug_is_retired",
                operation=pgtrigger.Delete,
                when=pgtrigger.After,
                func="""
                    INSERT INTO common_retiredslug ("table", slug) VALUES (TG_TABLE_NAME, OLD.slug)
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="slug_is_not_reused",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF EXISTS (SELECT FROM common_retiredslug WHERE "table" = TG_TABLE_NAME AND slug = NEW.slug) THEN
                        RAISE unique_violation USING MESSAGE =
                            format('the slug %s belonged to a deleted record of %s', NEW.slug, TG_TABLE_NAME);
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Made again where clean() made it: forms clean several new rows before they save the first of them.
        if not self.slug or (self._state.adding and getattr(self, "_slug_is_made", False)):
            self.slug = self._free_slug()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if getattr(self, "_slug_is_free", False):  # looked up for many rows together (`importing`)
            return
        if self._state.adding and self.slug and self._slug_was_retired(self.slug):
            raise ValidationError({"slug": _("This slug belonged to a record that was deleted; slugs are not reused.")})
        if not self.slug:
            try:
                self.slug = self._free_slug()
            except ObjectDoesNotExist:
                return  # a reference is missing, and its own field says so
            except ValueError as error:
                raise ValidationError({"slug": _("No slug can be made from the name; give one.")}) from error
            self._slug_is_made = True

    def slug_source(self) -> str:
        """Return the ASCII text from which a slug is made when none is given."""
        return pinyin.slugify_name(str(getattr(self, self.name_field)))

    def _slug_was_retired(self, slug: str) -> bool:
        return RetiredSlug.objects.filter(table=self._meta.db_table, slug=slug).exists()

    def slug_stem(self) -> str:
        """Return the slug made from `slug_source`, free or not."""
        return re.sub(r"[^a-z0-9]+", "-", self.slug_source().lower())[: SLUG_LENGTH - 5].strip("-")

    def _free_slug(self) -> str:
        """Return the slug made from `slug_source`, with a number behind it where it is taken."""
        stem = self.slug_stem()
        slug, number = stem, 1
        while type(self)._base_manager.filter(slug=slug).exists() or self._slug_was_retired(slug):
            number += 1
            slug = f"{stem}-{number}"
        return slug


class Fact(Publishable, Record):
    """A record that states something, and so needs a source before it is published."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State,
        default=State.DRAFT,
        help_text=_("A draft is seen by curators only; a published record rests on at least one citation."),
    )

    prose = ProseField(_("prose"), blank=True, help_text=_("What it says beside its name, as it is searched."))
    prose_ngrams = NgramsField("prose", verbose_name=_("n-grams of the prose"), help_text=_("Made by the database."))

    class Meta(Record.Meta):
        abstract = True
        indexes = [NgramsIndex(fields=["prose_ngrams"], name="%(app_label)s_%(class)s_prose")]
        triggers = [
            *Record.Meta.triggers,
            MakesNgrams(),
            # Deferred: a record and its first citation come in the same transaction, in either order.
            pgtrigger.Trigger(
                name="published_has_evidence",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=pgtrigger.Func(EVIDENCE.format(published="state = 'published'")),
            ),
            *points_at_no_draft(),
        ]


class NamedRecord(Fact):
    """A record that has a name of its own."""

    name = models.CharField(
        _("name"), max_length=200, help_text=_("Name as its bearer or the source writes it; never translated.")
    )
    name_pinyin = PinyinField(
        _("pinyin"),
        max_length=400,
        db_collation="C",
        help_text=_("The name in Hanyu Pinyin, by which names are sorted."),
    )
    search_text = SearchField(
        _("search text"), help_text=_("Name, pinyin and initials in the form in which they are searched.")
    )
    ngrams = NgramsField("search_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))

    class Meta(Fact.Meta):
        abstract = True
        ordering = ["name_pinyin", "slug"]
        indexes = [
            *Fact.Meta.indexes,
            NgramsIndex(fields=["ngrams"], name="%(app_label)s_%(class)s_ngrams"),
            # Pages by name, however deep, without sorting.
            models.Index(fields=["name_pinyin", "slug"], name="%(app_label)s_%(class)s_name"),
        ]

    def __str__(self) -> str:
        return self.name


@cache
def citable_models() -> dict[str, type[Citable]]:
    """Return all kinds of record by the name of their resource."""
    return {model.resource: model for model in apps.get_models() if issubclass(model, Citable)}


class Target(NamedTuple):
    """A record as another one points at it: enough to name it and to link to it."""

    resource: str
    key: str
    name: str


def load_targets(pairs: Iterable[tuple[int, int]], *, published_only: bool = False) -> dict[tuple[int, int], Target]:
    """Look up records by (content type id, primary key), all in one query however many kinds there are.

    Django's own prefetch costs a query for each kind, so that a page's cost would hang on what it happens to hold.
    Pairs without a record are left out of the answer.
    """
    ids: dict[int, set[int]] = defaultdict(set)
    for content_type_id, pk in pairs:
        ids[content_type_id].add(pk)
    selects: list[str] = []
    params: list[Any] = []
    models_by_id: dict[int, type[Citable]] = {}
    for content_type_id, pks in sorted(ids.items()):
        model = ContentType.objects.get_for_id(content_type_id).model_class()
        if model is None or not issubclass(model, Citable):
            continue
        models_by_id[content_type_id] = model
        quote = connection.ops.quote_name
        columns = [
            quote(cast("models.Field[Any, Any]", model._meta.get_field(name)).column or name)
            for name in (model.key_field, model.name_field)
        ]
        selects.append(
            f"SELECT %s::int, id, {columns[0]}::text, {columns[1]}::text"  # noqa: S608 - names come from the models
            f" FROM {quote(model._meta.db_table)} WHERE id = ANY(%s)"
            + (" AND state = 'published'" if published_only and issubclass(model, Fact) else "")
        )
        params += [content_type_id, list(pks)]
    if not selects:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects), params)
        rows = cursor.fetchall()
    return {(row[0], row[1]): Target(models_by_id[row[0]].resource, row[2], row[3]) for row in rows}


class LoadedFile(models.Model):
    """A fixture file that was loaded, so that a start loads only what changed and curators' edits stay."""

    path = models.CharField(
        _("path"), max_length=200, unique=True, help_text=_("Path of the file below the fixtures folder.")
    )
    sha256 = models.CharField(_("digest"), max_length=64, help_text=_("SHA-256 of the file when it was loaded."))
    loaded_at = models.DateTimeField(_("loaded at"), auto_now=True, help_text=_("When it was loaded."))

    class Meta:
        verbose_name = _("loaded file")
        verbose_name_plural = _("loaded files")
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class KeptAnswer(models.Model):
    """The answer to a POST with an `Idempotency-Key`, given again for a day (see `idempotency`)."""

    user_id = models.BigIntegerField(_("user"), help_text=_("Internal key of the account that sent the request."))
    key = models.CharField(_("key"), max_length=200, help_text=_("The key that the client gave the request."))
    digest = models.CharField(_("digest"), max_length=64, help_text=_("SHA-256 of method, address and body."))
    status = models.PositiveSmallIntegerField(_("status"), help_text=_("HTTP status of the answer."))
    headers = models.JSONField(_("headers"), help_text=_("Headers of the answer that are given again."))
    body = models.TextField(_("body"), help_text=_("Body of the answer."))
    made_at = models.DateTimeField(_("made at"), db_index=True, help_text=_("When the answer was given."))

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="common_keptanswer_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"


class KeptFile(models.Model):
    """A file between the preview of its import in the admin and the confirmation (see `admin_import`)."""

    user_id = models.BigIntegerField(_("user"), help_text=_("Internal key of the account that sent the file."))
    resource = models.CharField(_("resource"), max_length=50, help_text=_("The list into which it is imported."))
    name = models.CharField(_("name"), max_length=200, help_text=_("Name of the file."))
    media_type = models.CharField(_("media type"), max_length=100, help_text=_("What kind of file it is."))
    content = models.BinaryField(_("content"), help_text=_("The file."))
    digest = models.CharField(
        _("digest"), max_length=64, help_text=_("SHA-256 of the file and of the changes that the preview showed.")
    )
    made_at = models.DateTimeField(_("made at"), db_index=True, help_text=_("When the preview was made."))

    class Meta:
        verbose_name = _("kept file")
        verbose_name_plural = _("kept files")
        constraints = [models.UniqueConstraint(fields=["user_id", "resource"], name="common_keptfile_one_each")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.resource}"
