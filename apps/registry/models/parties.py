"""The part that a unit or a body of units takes in something: the base of project partners and participations."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact
from apps.common.values.pinyin import slugify_name
from apps.common.values.texts import OneLineField
from apps.registry.models.alliances import Alliance
from apps.registry.models.units import MemberUnit


class Party(Fact):
    """One who takes part: a unit, or an alliance, or a name as written that is not resolved yet."""

    name_field = "slug"
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("unit", "alliance")
    concerns = ("unit", "alliance")

    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("unit"),
        help_text=_("Unit that takes part."),
    )
    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("alliance"),
        help_text=_("Body of units that takes part as such."),
    )
    as_written = OneLineField(
        _("as written"), max_length=200, blank=True, help_text=_("The party's name as the source writes it.")
    )

    class Meta(Fact.Meta):
        abstract = True
        constraints = [
            *Fact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(unit=None) | Q(alliance=None),
                name="%(app_label)s_%(class)s_unit_or_alliance",
                violation_error_message=_("A party is a unit or an alliance, not both."),
            ),
            models.CheckConstraint(
                condition=Q(unit__isnull=False) | Q(alliance__isnull=False) | ~Q(as_written=""),
                name="%(app_label)s_%(class)s_names_a_party",
                violation_error_message=_("Name the unit or the alliance, or give the name as written."),
            ),
        ]

    @property
    def party_name(self) -> str:
        """The name under which the party is shown."""
        return str(self.unit or self.alliance or self.as_written)

    def party_slug(self) -> str:
        """Return the part of a slug that stands for the party."""
        party = self.unit or self.alliance
        return party.slug if party else slugify_name(self.as_written)
