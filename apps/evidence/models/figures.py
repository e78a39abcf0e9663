"""The numbers that articles report."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.given_names import MaybeUnnamed
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField
from apps.registry.models import (
    Alliance,
    District,
    MemberUnit,
    Neighbourhood,
    Placed,
    Street,
    one_party_at_most,
    party_key,
    party_of,
)

# Who reports a number.
REPORTER_KEYS = ("reporter", "reporter_alliance", "reporter_district", "reporter_street", "reporter_neighbourhood")
# The sign of a comparator before a number.
SIGNS = {"=": "", ">=": "≥ ", ">": "> ", "~": "≈ ", "<=": "≤ ", "<": "< "}


class Figure(Placed, MaybeUnnamed):
    """One number that a source reports, with all that is needed to know what it means."""

    own_words = frozenset({"measure"})
    resource = "figures"
    hangs_on = ("subject",)
    counted_by = None  # reported, not counted
    belongs_to = ("subject",)
    concerns = REPORTER_KEYS
    parties = {"reported_by": REPORTER_KEYS}

    class Comparator(models.TextChoices):
        EQUAL = "=", _("exactly")
        AT_LEAST = ">=", _("at least")
        MORE = ">", _("more than")
        ABOUT = "~", _("about or nearly")
        AT_MOST = "<=", _("at most")
        LESS = "<", _("less than")

    class Unit(models.TextChoices):
        PERSON = "person", pgettext_lazy("unit of a figure", "persons")
        PERSON_TIME = "person_time", pgettext_lazy("unit of a figure", "person-times")
        TIME = "time", pgettext_lazy("unit of a figure", "times")
        SESSION = "session", pgettext_lazy("unit of a figure", "sessions")
        ORGANISATION = "organisation", pgettext_lazy("unit of a figure", "organisations")
        ITEM = "item", pgettext_lazy("unit of a figure", "items")
        PROJECT = "project", pgettext_lazy("unit of a figure", "projects")
        CATEGORY = "category", pgettext_lazy("unit of a figure", "categories")
        POINT = "point", pgettext_lazy("unit of a figure", "points")
        YEAR = "year", pgettext_lazy("unit of a figure", "years")
        HOUR = "hour", pgettext_lazy("unit of a figure", "hours")

    class Kind(models.TextChoices):
        ACTUAL = "actual", _("Actual")
        TARGET = "target", _("Target")

    measure = OneLineField(
        _("measure"),
        max_length=60,
        db_index=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$", _("Lower-case ASCII letters, digits and underscores only."))],
        help_text=_("What is counted, as a key that figures of the same thing share (services_provided ...)."),
    )
    comparator = models.CharField(
        _("comparator"), max_length=2, choices=Comparator, help_text=_("How the number bounds the true one.")
    )
    # Not more digits than a double holds: clients and the change log read numbers of JSON as such.
    value = models.DecimalField(_("value"), max_digits=15, decimal_places=2, help_text=_("The number."))
    unit = models.CharField(_("unit"), max_length=20, choices=Unit, help_text=_("Unit of the number."))
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, help_text=_("A target is a plan and never enters a sum of actuals.")
    )
    period = EDTFField(_("period"), help_text=_("Time over which, or at which, the number holds."))
    content_type = models.ForeignKey(
        ContentType, models.PROTECT, verbose_name=_("subject type"), help_text=_("Kind of record that it is about.")
    )
    object_id = models.PositiveBigIntegerField(_("subject id"), help_text=_("Internal key of the subject."))
    subject = GenericForeignKey("content_type", "object_id")
    reporter = party_key(
        MemberUnit,
        "reported_figures",
        verbose_name=_("reporter"),
        help_text=_("Unit that reports the number; without any, the article does."),
    )
    reporter_alliance = party_key(
        Alliance,
        "reported_figures",
        verbose_name=_("alliance as reporter"),
        help_text=_("Body of units that reports the number."),
    )
    reporter_district = party_key(
        District,
        "reported_figures",
        verbose_name=_("district as reporter"),
        help_text=_("District that reports the number."),
    )
    reporter_street = party_key(
        Street,
        "reported_figures",
        verbose_name=_("street as reporter"),
        help_text=_("Street, town or township that reports the number."),
    )
    reporter_neighbourhood = party_key(
        Neighbourhood,
        "reported_figures",
        verbose_name=_("neighbourhood as reporter"),
        help_text=_("Neighbourhood that reports the number."),
    )
    as_written = OneLineField(
        _("as written"), max_length=60, help_text=_("The number in the words of the source, such as 720余次.")
    )

    class Meta(MaybeUnnamed.Meta):
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        indexes = [
            *MaybeUnnamed.Meta.indexes,
            models.Index(fields=["content_type", "object_id"], name="evidence_figure_subject"),
        ]
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=Q(value__gte=0),
                name="evidence_figure_not_negative",
                violation_error_message=_("A figure is not negative."),
            ),
            one_party_at_most(
                REPORTER_KEYS,
                "evidence_figure_one_reporter",
                _("One unit, one alliance or one division reports a figure, not several."),
            ),
        ]

    @property
    def reported_by(self) -> models.Model | None:
        """The unit, alliance or division that reports the number; None where the article does."""
        return party_of(self, REPORTER_KEYS)

    @property
    def reading(self) -> str:
        """The figure as a person reads it: ≥ 31700 人次."""
        return f"{SIGNS[self.comparator]}{self.value.normalize():f} {self.get_unit_display()}"
