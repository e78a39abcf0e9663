"""Places and what they offer."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import NamedRecord
from apps.common.rules.trees import TreeKey
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.places import PartOfWhole
from apps.registry.models.units import MemberUnit


class Venue(PartOfWhole, NamedRecord):
    """A place in which the networks work; parts of a venue are venues with a parent."""

    own_words = frozenset({"summary"})
    resource = "venues"
    hangs_on = ("parent",)
    mergeable = proposed_by_name = True
    begins_field = "opened_on"
    ends_field = "closed_on"
    belongs_to = ("district", "street", "neighbourhood")
    concerns = ("operator",)
    inherits = "parent"

    class Kind(models.TextChoices):
        SERVICE_CENTRE = "service_centre", _("Party and community service centre")
        SERVICE_AREA = "service_area", _("Service area")
        STATION = "station", _("Station")
        CULTURE = "culture", _("Cultural venue")
        SPORT = "sport", _("Sports venue")
        EXHIBITION = "exhibition", _("Exhibition hall")
        LANDMARK = "landmark", _("Pavilion, gate or other landmark")
        SITE = "site", _("Site or area")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of place."))
    parent = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("parent"),
        help_text=_("Venue of which this one is a part."),
    )
    operator = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="venues",
        verbose_name=_("operator"),
        help_text=_("Unit that runs the place."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="venues",
        verbose_name=_("district"),
        help_text=_("District in which it lies."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="venues",
        verbose_name=_("street"),
        help_text=_("Street, town or township in which it lies."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="venues",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood in which it lies."),
    )
    opened_on = EDTFField(_("opened on"), help_text=_("When it opened."))
    closed_on = EDTFField(_("closed on"), help_text=_("When it closed."))
    opening_hours = OneLineField(
        _("opening hours"),
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(
                r'^[A-Za-z0-9 :,;.+/\-\[\]()"|]+$', _("Write opening hours as OpenStreetMap does, such as 24/7.")
            )
        ],
        help_text=_("Opening hours in the OpenStreetMap syntax, such as 24/7 or Mo-Fr 09:00-17:00."),
    )
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("venue")
        verbose_name_plural = _("venues")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="registry_venue_not_own_parent",
                violation_error_message=_("A venue is not a part of itself."),
            ),
        ]


class VenueService(PartOfWhole, NamedRecord):
    """One thing that a venue offers."""

    own_words = frozenset({"summary"})
    resource = "venue-services"
    hangs_on = ("venue",)
    whole = "venue"
    mergeable = True  # but not proposed: many venues offer a service of one name
    begins_field = "offered_since"
    belongs_to = ("venue",)
    concerns = ("provider",)

    class Category(models.TextChoices):
        GOVERNMENT = "government", _("Government services")
        CULTURE = "culture", _("Culture")
        LIVING = "living", _("Daily life")
        SPORT = "sport", _("Sport and fitness")
        HEALTH = "health", _("Health")
        EDUCATION = "education", _("Education and science")
        MEETING = "meeting", _("Meetings and public activities")

    venue = models.ForeignKey(
        Venue, models.CASCADE, related_name="services", verbose_name=_("venue"), help_text=_("Place that offers it.")
    )
    category = models.CharField(_("category"), max_length=20, choices=Category, help_text=_("Field of the service."))
    provider = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="services",
        verbose_name=_("provider"),
        help_text=_("Unit that provides the service there."),
    )
    offered_since = EDTFField(_("offered since"), help_text=_("Since when it is offered."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("venue service")
        verbose_name_plural = _("venue services")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.UniqueConstraint(fields=["venue", "name"], name="registry_venueservice_once"),
        ]

    def slug_source(self) -> str:
        return f"{self.venue.slug}-{super().slug_source()}"
