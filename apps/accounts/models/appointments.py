"""Accounts, and the appointments that say who may edit what, and when."""

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import connection, models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.common.rules.territory import NOWHERE, Territory
from apps.common.values.dates import today
from apps.common.values.texts import OneLineField
from apps.registry.models import District, MemberUnit, Neighbourhood, Street

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The kinds of record to which somebody can be appointed, in the order of the columns of an appointment.
SCOPES = (District, Street, Neighbourhood, MemberUnit)
# The appointed units with all their parts, however deep. UNION, not UNION ALL: a circle of parents ends, too.
UNITS_AND_PARTS = """
    WITH RECURSIVE own(id) AS (
        SELECT unnest(%s::bigint[])
        UNION SELECT part.id FROM registry_memberunit AS part JOIN own ON part.parent_id = own.id
    ) SELECT id FROM own
"""


class User(AbstractUser):
    """An account. A superuser counts as a steward; the staff flag lets an account into the admin, no more."""

    # A token, and nothing else, narrows these (accounts.authentication).
    acts_as_steward = True
    acts_by_token: int | None = None

    def narrow(self, *, steward: bool, token: int) -> None:
        """Let this object, for as long as it lives, speak for the appointments of a token only."""
        self.acts_as_steward, self.acts_by_token = steward, token
        self.__dict__.pop("territory", None)

    @cached_property
    def territory(self) -> Territory:
        """The territory that the user may edit today: at most two queries, once an object, and so once a request."""
        if not self.is_active:
            return NOWHERE
        if self.is_superuser and self.acts_as_steward:
            return Territory(everything=True)
        appointments = self.appointments.valid_on(today())
        if self.acts_by_token is not None:
            appointments = appointments.filter(tokens=self.acts_by_token)
        rows = appointments.values_list("role", "district", "street", "neighbourhood", "unit")
        found: dict[str, set[int]] = defaultdict(set)
        for role, *keys in rows:
            if role == Appointment.Role.STEWARD and self.acts_as_steward:
                return Territory(everything=True)
            for model, key in zip(SCOPES, keys, strict=True):
                if key is not None:
                    found[model.appointable].add(key)
        appointed = {kind: frozenset(keys) for kind, keys in found.items()}
        if units := appointed.get(MemberUnit.appointable):
            appointed[MemberUnit.appointable] = units_and_parts(units)
        return Territory(appointed=appointed)


def units_and_parts(units: frozenset[int]) -> frozenset[int]:
    """Return the keys of units and of all their parts."""
    with connection.cursor() as cursor:
        cursor.execute(UNITS_AND_PARTS, [sorted(units)])
        return frozenset(key for (key,) in cursor.fetchall())


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    """Appointments at a date."""

    def valid_on(self, day: date) -> Self:
        """Return the appointments that hold on a day; the last day is one of them."""
        return self.filter(Q(until=None) | Q(until__gte=day), from_day__lte=day)


def _scope(
    model: type[District | Street | Neighbourhood | MemberUnit], label: "StrOrPromise", help_text: "StrOrPromise"
) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        model, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=label, help_text=help_text
    )


class Appointment(models.Model):
    """A user's right to edit a part of the registry, from one day to another."""

    class Role(models.TextChoices):
        STEWARD = "steward", _("Steward of the whole registry")
        CURATOR = "curator", _("Curator of a division and all below it")
        REPRESENTATIVE = "representative", _("Representative of a unit and its parts")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="appointments",
        verbose_name=_("user"),
        help_text=_("Who is appointed."),
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, help_text=_("What the user is appointed to be."))
    district = _scope(District, _("district"), _("District that a curator keeps."))
    street = _scope(Street, _("street"), _("Street, town or township that a curator keeps."))
    neighbourhood = _scope(Neighbourhood, _("neighbourhood"), _("Neighbourhood that a curator keeps."))
    unit = _scope(MemberUnit, _("unit"), _("Unit that a representative speaks for."))
    from_day = models.DateField(_("from"), default=today, help_text=_("First day on which the appointment holds."))
    until = models.DateField(
        _("until"), null=True, blank=True, help_text=_("Last day on which it holds; empty: until further notice.")
    )
    appointed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("appointed by"),
        help_text=_("Who made the appointment; empty: it was made outside the admin."),
    )
    note = OneLineField(_("note"), max_length=300, blank=True, help_text=_("Ground or reference, for the record."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        ordering = ["user__username", "role", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(role="steward", district=None, street=None, neighbourhood=None, unit=None)
                | (
                    Q(role="curator", unit=None)
                    & (
                        Q(district__isnull=False, street=None, neighbourhood=None)
                        | Q(district=None, street__isnull=False, neighbourhood=None)
                        | Q(district=None, street=None, neighbourhood__isnull=False)
                    )
                )
                | Q(role="representative", unit__isnull=False, district=None, street=None, neighbourhood=None),
                name="accounts_appointment_scope_of_role",
                violation_error_message=_(
                    "A curator has exactly one district, street or neighbourhood, a representative exactly one unit, a"
                    " steward neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("from_day")),
                name="accounts_appointment_ends_after_it_begins",
                violation_error_message=_("An appointment cannot end before it begins."),
            ),
            models.UniqueConstraint(
                fields=["user", "role", "district", "street", "neighbourhood", "unit", "from_day"],
                nulls_distinct=False,
                name="accounts_appointment_once",
                violation_error_message=_("The user already has this appointment from this day on."),
            ),
        ]

    def __str__(self) -> str:
        scope = self.district or self.street or self.neighbourhood or self.unit
        return f"{self.get_role_display()}: {scope}" if scope else str(self.get_role_display())
