"""Organisations and the names under which they appear."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import NamedRecord
from apps.common.rules.trees import TreeKey
from apps.common.values.columns import EDTFField
from apps.common.values.ngram_columns import CollectsNames, NamesField, NgramsField
from apps.common.values.texts import ParagraphsField
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.places import Placed


class MemberUnit(Placed, NamedRecord):
    """Any organisation, or a part of one; a tree by `parent`."""

    own_words = frozenset({"summary"})
    resource = "member-units"
    hangs_on = ("parent",)
    mergeable = proposed_by_name = True
    appointable = "units"
    search_columns = {"ngrams": ("search_text", "alias_text")}
    belongs_to = ("district", "street", "neighbourhood")
    inherits = "parent"

    class Kind(models.TextChoices):
        UNIVERSITY = "university", _("University")
        FACULTY = "faculty", _("Faculty of a university")
        SCHOOL = "school", _("School")
        HOSPITAL = "hospital", _("Hospital or health centre")
        RESEARCH_INSTITUTE = "research_institute", _("Research institute")
        COMPANY = "company", _("Company")
        GARRISON = "garrison", _("Military unit or fire brigade")
        PARTY_BODY = "party_body", _("Party body")
        GOVERNMENT = "government", _("Government body")
        OFFICE = "office", _("Office or section")
        PUBLIC_INSTITUTION = "public_institution", _("Public institution")
        RESIDENTIAL = "residential", _("Residential branch or committee")
        FOUNDATION = "foundation", _("Foundation")
        FUND = "fund", _("Fund")
        ASSOCIATION = "association", _("Association or social organisation")
        MEDIUM = "medium", _("Medium")
        TEAM = "team", _("Team or working party")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of organisation."))
    parent = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("parent"),
        help_text=_("Organisation of which this one is a part."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="units",
        verbose_name=_("district"),
        help_text=_("District of which it is a body, or in which it is known to be."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="units",
        verbose_name=_("street"),
        help_text=_("Street of which it is a body, or in which it is known to be."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="units",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood whose people it organises or in which it is known to be."),
    )
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))
    alias_text = NamesField(
        _("other names"),
        names="registry_unitname",
        owner="unit_id",
        help_text=_("Other names in the form in which they are searched."),
    )
    ngrams = NgramsField("search_text", "alias_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("member unit")
        verbose_name_plural = _("member units")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="registry_memberunit_not_own_parent",
                violation_error_message=_("A unit is not a part of itself."),
            ),
        ]
        triggers = [
            *NamedRecord.Meta.triggers,
            CollectsNames(),  # by its name it comes before `makes_ngrams`
        ]


class UnitName(Placed, NamedRecord):
    """A name that a unit has, had, or is given in a source."""

    resource = "unit-names"
    hangs_on = ("unit",)
    begins_field = "valid_from"
    ends_field = "valid_until"
    belongs_to = ("unit",)

    class Kind(models.TextChoices):
        OFFICIAL = "official", _("Official name")
        SHORT = "short", _("Short name")
        FORMER = "former", _("Former name")
        AS_WRITTEN = "as_written", _("As written in a source")

    unit = models.ForeignKey(
        MemberUnit,
        models.CASCADE,
        related_name="names",
        verbose_name=_("unit"),
        help_text=_("Unit that bears the name."),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("How the name relates to the unit."))
    valid_from = EDTFField(_("valid from"), help_text=_("When the name came into use."))
    valid_until = EDTFField(_("valid until"), help_text=_("When the name went out of use."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("unit name")
        verbose_name_plural = _("unit names")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.UniqueConstraint(fields=["unit", "name", "kind"], name="registry_unitname_once"),
        ]
        triggers = [
            *NamedRecord.Meta.triggers,
            # The unit's own trigger collects its names, once it has waited for whoever else changes them.
            pgtrigger.Trigger(
                name="unit_collects_names",
                operation=pgtrigger.Insert | pgtrigger.Delete | pgtrigger.UpdateOf("unit_id", "search_text", "state"),
                when=pgtrigger.After,
                func="""
                    UPDATE registry_memberunit SET alias_text = '' WHERE id IN (OLD.unit_id, NEW.unit_id);
                    RETURN NULL;
                """,
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.unit.slug}-{super().slug_source()}"
