"""Needs and resources."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.given_names import MaybeUnnamed
from apps.common.models.records import Counted
from apps.common.values.columns import EDTFField
from apps.common.values.texts import ParagraphsField
from apps.registry.models import Alliance, MemberUnit, Neighbourhood, Placed, Street


class Offer(Placed, MaybeUnnamed):
    """Base of needs and resources: their publisher, their place, and their term."""

    hangs_on = ("alliance",)
    belongs_to = ("alliance", "unit", "street", "neighbourhood")
    mergeable = proposed_by_name = True
    counted_by = Counted(date="published_on")

    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("alliance"),
        help_text=_("Body that publishes it, or in whose framework it is published."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("unit"),
        help_text=_("Unit that publishes it."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("street"),
        help_text=_("Street that publishes it."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood that publishes it, or for which it is meant."),
    )
    published_on = EDTFField(_("published on"), help_text=_("When it was published."))
    closes_on = EDTFField(_("closes on"), help_text=_("Until when it stands."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(MaybeUnnamed.Meta):
        abstract = True
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False)
                | Q(unit__isnull=False)
                | Q(street__isnull=False)
                | Q(neighbourhood__isnull=False),
                name="%(app_label)s_%(class)s_has_publisher",
                violation_error_message=_("Name the alliance, unit, street or neighbourhood that publishes it."),
            ),
        ]


class Need(Offer):
    """A request of a street, a neighbourhood, an alliance or a unit (需求清单)."""

    own_words = frozenset({"summary"})
    resource = "needs"

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("status of a need", "Open")
        MATCHED = "matched", _("Matched")
        MET = "met", _("Met")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the need stands."))

    class Meta(Offer.Meta):
        verbose_name = _("need")
        verbose_name_plural = _("needs")


class Resource(Offer):
    """An offer of a unit (资源清单)."""

    own_words = frozenset({"summary"})
    resource = "resources"

    class Status(models.TextChoices):
        OFFERED = "offered", _("Offered")
        IN_USE = "in_use", _("In use")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the offer stands."))

    class Meta(Offer.Meta):
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
