"""The base of every record, and what all records share: identity, names, evidence, derived columns."""

import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import chain, count, islice
from typing import Any, ClassVar, NamedTuple, cast

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.core.validators import RegexValidator
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.models.reserved_slugs import taken_among
from apps.common.models.row_names import UNSEEN, RowName, may_be_named, name_of
from apps.common.models.search_conditions import Term, clean_q, found_in, is_one_of, like_in
from apps.common.models.slugs import SLUG_LENGTH, SLUG_PATTERN, RetiredSlug
from apps.common.rules.change_log import logged
from apps.common.rules.competence import Attested
from apps.common.rules.evidence import Evidenced, rests_on_evidence
from apps.common.rules.guards import Guard, Sentence, field_of
from apps.common.rules.publishing import Publishable, points_at_no_draft
from apps.common.rules.territory import HasTerritory, Reader, condition, territory_of
from apps.common.rules.workflow import HasWorkflow
from apps.common.sql.slots import Parameter
from apps.common.values import pinyin
from apps.common.values.columns import PinyinField, ProseField, PythonColumn, SearchField
from apps.common.values.ngram_columns import MakesNgrams, NgramsField, NgramsIndex
from apps.common.values.ngrams import term_parameters
from apps.common.values.texts import OneLineField

SLUG_WAS_USED = _("This slug belonged to a record that was deleted; slugs are not reused.")


def derived_fields(model: type[models.Model]) -> list[PythonColumn]:
    """Return the columns of a model that are computed from another one."""
    return [field for field in model._meta.concrete_fields if isinstance(field, PythonColumn) and field.sources]


class RecordQuerySet(models.QuerySet[Any]):
    """Questions that every record answers, and writes that keep derived columns in step."""

    def matching(self, text: str) -> "RecordQuerySet":
        """Return the rows in whose names every word of `text` is found: Chinese, pinyin or initials."""
        queryset = self
        for term in clean_q(text):
            queryset = queryset.filter(self.model.search_condition(*term_parameters(term)))
        return queryset

    def visible_to(self, user: Reader) -> "RecordQuerySet":
        """Return the rows that a user may see: what is not open to everybody is for those who may edit it."""
        territory = territory_of(user)
        if territory.everything or not issubclass(self.model, Fact):
            return self
        public, lying = self.model.public(), condition(self.model, territory)
        return self.filter(public if lying is None else public | lying)

    def editable_by(self, user: Reader) -> "RecordQuerySet":
        """Return the rows that a user may edit: those that lie in the user's territory."""
        territory = territory_of(user)
        if territory.everything:
            return self
        lying = condition(self.model, territory)
        return self.none() if lying is None else self.filter(lying)

    def seen_with_record(self, user: Reader) -> "RecordQuerySet":
        """Return the rows that a user may see among those that hang on a record which the user sees."""
        return self.visible_to(user)

    @staticmethod
    def hidden_records(user: Reader) -> list[tuple[type["Fact"], "RecordQuerySet"]]:
        """Return the rows of all kinds that a user may not see."""
        territory = territory_of(user)
        if territory.everything:
            return []
        hidden = []
        for model in citable_models().values():
            if issubclass(model, Fact):
                closed = model._default_manager.filter(~model.public())
                if (lying := condition(model, territory)) is not None:
                    closed = closed.exclude(pk__in=model._base_manager.filter(lying).values("pk"))
                hidden.append((model, closed))
        return hidden

    def valid_on(self, day: date | Parameter) -> "RecordQuerySet":
        """Return the rows that may have been true on a day: neither begun after it nor ended before it for certain."""
        queryset = self
        if self.model.begins_field:
            begins = self.model.exists_field or f"{self.model.begins_field}_earliest"
            queryset = queryset.filter(Q(**{begins: None}) | Q(**{f"{begins}__lte": day}))
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


class Counted(NamedTuple):
    """What statistics count the rows of a model by, beside where they lie.

    `date` is the path of the partial date that gives its year, without it that on which the row begins; `heading` is
    the path of the category under which it stands.
    """

    date: str = ""
    heading: str = ""


class Citable(Evidenced, Attested, HasWorkflow, HasTerritory, models.Model):
    """Anything that a published sentence can speak about: a record or a division."""

    resource: ClassVar[str]
    key_field: ClassVar[str] = "slug"
    # The column of the name; `row_name` says of what the name is made where the rows have none of their own.
    name_field: ClassVar[str] = "name"
    row_name: ClassVar[RowName | None] = None
    # Where `?q=` looks: columns of n-grams each with the texts that they are of, and what the row points at.
    search_columns: ClassVar[dict[str, tuple[str, ...]]] = {"ngrams": ("search_text",)}
    search_relations: ClassVar[tuple[str, ...]] = ()
    begins_field: ClassVar[str] = ""
    ends_field: ClassVar[str] = ""
    # The day before which neither the row nor the whole of which it is a part can have existed, where that is stored.
    exists_field: ClassVar[str] = ""
    # References of which at most one is set, which together say who, by the name under which answers show it.
    parties: ClassVar[dict[str, tuple[str, ...]]] = {}
    mergeable: ClassVar[bool] = False  # two rows may turn out to be one; pairs with like names are proposed for merging
    proposed_by_name: ClassVar[bool] = False
    counted_by: ClassVar[Counted | None] = Counted()  # None: statistics do not count the rows
    # Whether most records have no such rows, so that a list of records does well to look for one first.
    few_have_any: ClassVar[bool] = False

    # By name, not by import: evidence points at everything and nothing imports it.
    citations = GenericRelation("evidence.Citation", related_query_name="+")
    attestations = GenericRelation("evidence.Attestation", related_query_name="+")
    figures = GenericRelation("evidence.Figure", related_query_name="+")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))
    updated_at = models.DateTimeField(
        _("updated at"), auto_now=True, db_index=True, help_text=_("When the row last changed.")
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        if not may_be_named(self):
            return UNSEEN
        return name_of(self) if self.row_name else str(getattr(self, self.name_field))

    @classmethod
    def rows(cls) -> RecordQuerySet:
        """Return all rows, for questions about many."""
        return cast("RecordQuerySet", cls._default_manager.all())

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        # Here and not in save(), which may choose the fields itself, where some were not loaded.
        if fields := kwargs.get("update_fields"):
            derived = [field.name for field in derived_fields(type(self)) if set(field.sources) & set(fields)]
            kwargs["update_fields"] = frozenset({*fields, *derived, "updated_at"})
        super().save_base(*args, **kwargs)

    def validate_constraints(self, exclude: Iterable[str] | None = None) -> None:
        """Hold the row against its constraints; what one refuses is said at the field of which it speaks."""
        errors: dict[str, list[ValidationError]] = {}
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    constraint.validate(model, self, exclude=set(exclude or ()), using=DEFAULT_DB_ALIAS)
                except ValidationError as error:
                    errors.setdefault(field_of(constraint) or NON_FIELD_ERRORS, []).append(error)
        if errors:
            raise ValidationError(errors)

    def save_changes(self) -> None:
        """Write a stored row, but for its keys, which never change.

        A statement that names them, though they stay as they are, locks out all who point at the row until it commits.
        """
        fields = self._meta.concrete_fields
        self.save(update_fields=[each.name for each in fields if not (each.unique or each.generated)])

    @property
    def key(self) -> str:
        """The public identifier: the official code of a division, the slug of anything else."""
        return str(getattr(self, self.key_field))

    @classmethod
    def search_condition(cls, tsquery: Term, like: Term | None = None, *, is_at_hand: bool = False) -> Q:
        """Return the condition under which a term is found in a row, from what `ngrams.term_parameters` returns.

        Both may be expressions: the condition has one shape with a pattern and one without, whatever their values.
        Rows that are at hand are compared with the pattern alone, which says the same: their n-grams need not be read.
        """
        condition = Q()
        for ngrams, texts in cls.search_columns.items():
            condition |= (
                like_in(texts, like) if is_at_hand and like is not None else found_in(ngrams, texts, tsquery, like)
            )
        for name in cls.search_relations:
            target: Any = cls._meta.get_field(name).related_model
            found = target._base_manager.filter(target.search_condition(tsquery, like)).order_by()
            condition |= is_one_of(name, ArraySubquery(found.values("pk"), template="(ARRAY(%(subquery)s))"))
        return condition


class Record(Citable):
    """A record with a slug: ASCII, unique within its resource, permanent, never reused."""

    slug_is_free = False  # as was looked up for many rows together (`files.imports`)
    _slug_is_made = False

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
            models.CheckConstraint(
                condition=Q(slug__regex=SLUG_PATTERN),
                name="%(app_label)s_%(class)s_slug_ascii",
                violation_error_message=_("A slug has lower-case ASCII letters, digits and single hyphens only."),
            ),
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
            Guard(
                name="slug_is_not_reused",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF EXISTS (SELECT FROM common_retiredslug WHERE "table" = TG_TABLE_NAME AND slug = NEW.slug) THEN
                        RAISE unique_violation USING
                            CONSTRAINT = TG_TABLE_NAME || '_slug_is_not_reused',
                            MESSAGE = format('the slug %s belonged to a deleted record of %s', NEW.slug, TG_TABLE_NAME);
                    END IF;
                    RETURN NEW;
                """,
                sentences={"_slug_is_not_reused": Sentence("unique", SLUG_WAS_USED, "slug")},
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Made again where clean() made it: forms clean several new rows before they save the first of them.
        if not self.slug or (self._state.adding and self._slug_is_made):
            self.slug = self._free_slug()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.slug_is_free:
            return
        if self._state.adding and self.slug and self._slug_was_retired(self.slug):
            raise ValidationError({"slug": SLUG_WAS_USED})
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
        slugs = chain([stem], (f"{stem}-{number}" for number in count(2)))
        while True:
            some = list(islice(slugs, 4))
            taken = taken_among(type(self), some)
            if free := [slug for slug in some if slug not in taken]:
                return free[0]


class Fact(Publishable, Record):
    """A record that states something, and so needs a source before it is published."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Submitted")
        PUBLISHED = "published", _("Published")

    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State,
        default=State.DRAFT,
        help_text=_("What is a draft, or submitted, is seen by who may edit it; what is published rests on evidence."),
    )

    prose = ProseField(_("prose"), blank=True, help_text=_("What it says beside its name, as it is searched."))
    prose_ngrams = NgramsField("prose", verbose_name=_("n-grams of the prose"), help_text=_("Made by the database."))

    class Meta(Record.Meta):
        abstract = True
        indexes = [
            NgramsIndex(fields=["prose_ngrams"], name="%(app_label)s_%(class)s_prose"),
            models.Index(fields=["id"], condition=Q(state="submitted"), name="%(app_label)s_%(class)s_queue"),
        ]
        triggers = [
            *Record.Meta.triggers,
            MakesNgrams(),
            *rests_on_evidence(published="state = 'published'"),
            *points_at_no_draft(),
        ]

    @classmethod
    def public(cls, path: str = "") -> Q:
        """Return the condition under which everybody sees a row; `path` leads to it from elsewhere."""
        start = f"{path}__" if path else ""
        shown = {} if cls.workflow is None else {f"{start}is_public": True}
        return Q(**{f"{start}state": cls.State.PUBLISHED, **shown})


class NamedRecord(Fact):
    """A record that has a name of its own."""

    name = OneLineField(
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


@cache
def citable_models() -> dict[str, type[Citable]]:
    """Return all kinds of record by the name of their resource."""
    return {model.resource: model for model in apps.get_models() if issubclass(model, Citable)}
