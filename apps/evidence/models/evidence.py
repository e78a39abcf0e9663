"""Evidence: the base of citations and attestations, which support the values of a record."""

from collections.abc import Iterable
from copy import copy
from decimal import Decimal
from functools import cache
from typing import Any

import pgtrigger
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable, Record, RecordQuerySet
from apps.common.models.targets import model_of
from apps.common.rules.evidence import COMPANIONS, KEEPS_EVIDENCE, is_empty, stored_fields
from apps.common.rules.territory import Reader, condition, territory_of

# A field that is empty at that time is null in `says`: a row that a revert brings back is not filled with later values.
SAYS = """
    IF TG_OP = 'UPDATE' AND ({moved}) AND NEW.says = OLD.says THEN
        NEW.says := '{{}}';
    END IF;
    IF NEW.says - NEW.supports::text[] <> '{{}}' THEN
        NEW.says := (SELECT coalesce(jsonb_object_agg(key, value), '{{}}')
                     FROM jsonb_each(NEW.says) WHERE key = ANY(NEW.supports));
    END IF;
    IF NOT NEW.says ?& NEW.supports THEN
        SELECT app_label || '_' || model INTO kind FROM django_content_type WHERE id = NEW.content_type_id;
        IF to_regproc('stated_in_' || kind) IS NOT NULL THEN
            EXECUTE format('SELECT %I($1)', 'stated_in_' || kind) INTO stated USING NEW.object_id;
            NEW.says := (SELECT jsonb_object_agg(name, stated -> name) FROM unnest(NEW.supports) AS name) || NEW.says;
        END IF;
    END IF;
    RETURN NEW;
"""
# The record is locked first: two transactions that each take away one of two pieces of evidence wait for each other.
KEEPS = """
    SELECT app_label || '_' || model INTO kind FROM django_content_type WHERE id = OLD.content_type_id;
    IF to_regproc('unproven_in_' || kind) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT id FROM %I WHERE id = $1 FOR NO KEY UPDATE', kind) USING OLD.object_id;
    EXECUTE format('SELECT %I($1)', 'unproven_in_' || kind) INTO unproven USING OLD.object_id;
    IF unproven <> ARRAY[]::text[] THEN
        RAISE check_violation USING
            CONSTRAINT = kind || '{broken}', DETAIL = array_to_string(unproven, ','),
            MESSAGE = format('the published %s %s would be left without evidence for: %s',
                             kind, OLD.object_id, array_to_string(unproven, ', '));
    END IF;
    RETURN NULL;
"""


class WithoutKey(models.Func):
    """A column of JSON without one of its keys: of `says`, so that the database fills it with the present value."""

    def __init__(self, column: str, key: str) -> None:
        parts = models.F(column), models.Value(key, models.TextField())
        super().__init__(*parts, template="(%(expressions)s)", arg_joiner=" - ")


@cache
def of_hidden() -> Q:
    """Return the condition that evidence is of a record that is hidden from everybody."""
    hidden = Q()
    for model, rows in RecordQuerySet.hidden_records(None):
        # By the record's key, so that a page of citations looks up its own records and not all drafts.
        is_hidden = Exists(rows.filter(pk=OuterRef("object_id")))
        hidden |= Q(is_hidden, content_type=ContentType.objects.get_for_model(model))
    return hidden


class EvidenceQuerySet(RecordQuerySet):
    """Citations or attestations; a user sees those of the records that he sees."""

    def visible_to(self, user: Reader) -> "EvidenceQuerySet":
        """Return the evidence of records that a user may see."""
        territory = territory_of(user)
        if territory.everything:
            return self
        # Whoever may edit a draft may edit its evidence: one subquery, where leaving out its drafts would take many.
        lying = condition(self.model, territory)
        return self.filter(~of_hidden() if lying is None else ~of_hidden() | lying)

    def seen_with_record(self, user: Reader) -> "EvidenceQuerySet":
        """Return all: the evidence of a record is seen with it."""
        return self


class SaysWhatItSupports(pgtrigger.Trigger):
    """Fills `says` with the record's values of those supported fields that it lacks, before a row is stored.

    Who affirms a value takes its key out first. `moved` is SQL for whether the row says something else than it did.
    """

    name = "says_what_it_supports"
    when = pgtrigger.Before
    declare = [("kind", "text"), ("stated", "jsonb")]

    def __init__(self, *moved: str) -> None:
        self.moved = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in moved) or "false"
        columns = ("supports", "says", "content_type_id", "object_id", *moved)
        super().__init__(operation=pgtrigger.Insert | pgtrigger.UpdateOf(*columns))

    def get_func(self, model: models.Model) -> pgtrigger.Func:
        return pgtrigger.Func(SAYS.format(moved=self.moved).replace("{", "{{").replace("}", "}}"))


class KeepsEvidence(pgtrigger.Trigger):
    """The other half of "nothing without evidence" (`common.rules.evidence`): the last one of a value cannot go."""

    name = "fact_keeps_evidence"
    when = pgtrigger.After
    timing = pgtrigger.Deferred
    declare = [("kind", "text"), ("unproven", "text[]")]

    def __init__(self, *columns: str) -> None:
        watched = ("content_type_id", "object_id", "supports", "says", *columns)
        super().__init__(
            operation=pgtrigger.Delete | pgtrigger.UpdateOf(*watched), func=KEEPS.format(broken=KEEPS_EVIDENCE)
        )


class Evidence(Record):
    """What supports values of a record: the record, the fields, and the value that each had at that time."""

    name_field = "slug"
    counted_by = None
    belongs_to = ("record",)
    evidence_of = "record"

    supports = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("supports"),
        help_text=_("Fields of the record that it supports."),
    )
    says = models.JSONField(
        _("says"),
        default=dict,
        blank=True,
        editable=False,
        help_text=_("The value of each supported field at that time; filled by the database."),
    )
    levels = models.JSONField(
        _("levels"),
        default=dict,
        blank=True,
        editable=False,
        help_text=_("How closely it says each value: literal, derived, cued, read, own_words."),
    )
    content_type = models.ForeignKey(
        ContentType,
        models.CASCADE,
        db_index=False,  # the index on the record begins with it; by its own all of a kind were read for each record
        verbose_name=_("record type"),
        help_text=_("Kind of record that is supported."),
    )
    object_id = models.PositiveBigIntegerField(_("record id"), help_text=_("Internal key of the record."))
    record = GenericForeignKey("content_type", "object_id")

    objects = EvidenceQuerySet.as_manager()

    class Meta(Record.Meta):
        abstract = True
        triggers = [*Record.Meta.triggers]
        indexes = [models.Index(fields=["content_type", "object_id"], name="%(app_label)s_%(class)s_record")]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(supports=[]),
                name="%(app_label)s_%(class)s_supports_something",
                violation_error_message=_("Evidence supports at least one field."),
            ),
        ]

    @classmethod
    def look_up(cls, rows: Iterable["Evidence"]) -> None:
        """Look up for several rows together what the check of each takes. A row can be checked without it."""

    @property
    def names_known_fields(self) -> bool:
        """Whether it supports nothing but fields that the kind of record has."""
        return {*self.supports} <= {field.name for field in stored_fields(model_of(self.content_type_id))}

    def as_said(self, record: Citable) -> Citable:
        """Return a record with the values that the evidence says: the present ones where it does not say others."""
        said = {name: value for name, value in self.says.items() if value is not None and not isinstance(value, list)}
        if not said:
            return record
        record = copy(record)
        for name, value in said.items():
            field: Any = next(each for each in stored_fields(type(record)) if each.name == name)
            if isinstance(field, GenericForeignKey):
                setattr(record, f"{field.ct_field}_id", value["type"])
                setattr(record, field.fk_field, value["id"])
            elif isinstance(value, dict):
                setattr(record, name, value["value"])
                for part in COMPANIONS:
                    setattr(record, f"{name}_{part}", value.get(part, ""))
            elif isinstance(field, models.DecimalField):
                setattr(record, name, Decimal(str(value)))
            else:
                setattr(record, field.attname, value)
        return record

    def lists_said(self) -> dict[str, list[int]]:
        """Return the keys in the lists that the evidence says, by field."""
        return {name: value for name, value in self.says.items() if isinstance(value, list)}

    def clean(self) -> None:
        """Refuse fields that the record does not have, that are empty, or that the registry itself gave."""
        super().clean()
        if not self.content_type_id or not self.supports:
            return
        known = {field.name: field for field in stored_fields(model_of(self.content_type_id))}
        if unknown := sorted(set(self.supports) - known.keys()):
            raise ValidationError({"supports": _("Not a field of the record: %s.") % ", ".join(unknown)})
        if (record := self.record) is None:
            return
        if getattr(record, "name_given", False) and "name" in self.supports:
            message = _("The name is the registry's own; nothing else gives it.")
            raise ValidationError({"supports": ValidationError(message, code="name_given")})
        # What the registry wrote in its own words may have been emptied since, and keeps its citation.
        kept: set[str] = set()
        if self.pk is not None and isinstance(record, Citable):
            stored = type(self)._base_manager.filter(pk=self.pk).values_list("supports", flat=True).first()
            kept = record.own_words & set(stored or ())
        if empty := [name for name in self.supports if name not in kept and is_empty(record, known[name])]:
            message = _("There is no value to support: %s.") % ", ".join(empty)
            raise ValidationError({"supports": ValidationError(message, code="no_value")})
