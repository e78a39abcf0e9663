"""Attestations: what a party says of a record, by an act in the service, or on paper or by telephone."""

from typing import ClassVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from apps.common.models.row_names import FirstOf, LabelOf, RowName
from apps.common.rules.competence import NOT_COMPETENT, Speaker
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField
from apps.evidence.models.evidence import Evidence, KeepsEvidence, SaysWhatItSupports
from apps.registry.models import Alliance, District, MemberUnit, Neighbourhood, Street, party_key, party_of
from apps.registry.models.parties import PARTY_KEYS, keys_given


class Attestation(Evidence):
    """What a party says of a record, and how it was said. No telephone numbers, and no names of callers."""

    resource = "attestations"
    search_columns = {}
    search_relations = PARTY_KEYS
    row_name = RowName(
        _("%(party)s (%(kind)s) → %(record)s"),
        {"party": FirstOf(*PARTY_KEYS), "kind": LabelOf("kind"), "record": FirstOf("record")},
        short=_("%(party)s (%(kind)s)"),
    )
    parties = {"party": PARTY_KEYS}
    few_have_any = True
    for_curators: ClassVar[dict[str, frozenset[str]]] = {"kind": frozenset({"register"})}

    class Kind(models.TextChoices):
        ACT = "act", _("Act in the service")
        REGISTER = "register", _("Official register")
        ROSTER = "roster", _("Roster")
        FORM = "form", _("Form")
        MINUTES = "minutes", _("Minutes")
        LETTER = "letter", _("Letter")
        CALL = "call", _("Call")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, help_text=_("How it was said."))
    unit = party_key(MemberUnit, "attested", verbose_name=_("unit"), help_text=_("Unit that says it."))
    alliance = party_key(Alliance, "attested", verbose_name=_("alliance"), help_text=_("Body of units that says it."))
    party_district = party_key(
        District, "attested", verbose_name=_("district as party"), help_text=_("District that says it.")
    )
    party_street = party_key(
        Street, "attested", verbose_name=_("street as party"), help_text=_("Street, town or township that says it.")
    )
    party_neighbourhood = party_key(
        Neighbourhood,
        "attested",
        verbose_name=_("neighbourhood as party"),
        help_text=_("Neighbourhood that says it."),
    )
    title = OneLineField(_("title"), max_length=200, blank=True, help_text=_("Title of the paper."))
    reference = OneLineField(
        _("reference"),
        max_length=200,
        blank=True,
        help_text=_("Number of the paper, or address of the register's entry."),
    )
    stated_on = EDTFField(_("stated on"), help_text=_("Date of the paper, the call or the act."))
    locator = OneLineField(_("locator"), max_length=100, blank=True, help_text=_("Page, row or entry in the paper."))
    confirmed_by = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("confirmed by"),
        help_text=_("Account that confirmed it for the party."),
    )
    confirmed_at = models.DateTimeField(
        _("confirmed at"), null=True, blank=True, editable=False, help_text=_("When the party confirmed it.")
    )
    disputed_at = models.DateTimeField(
        _("disputed at"), null=True, blank=True, editable=False, help_text=_("When the party disputed it.")
    )
    retracted_at = models.DateTimeField(
        _("retracted at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When it was taken back; it supports nothing since."),
    )

    class Meta(Evidence.Meta):
        verbose_name = _("attestation")
        verbose_name_plural = _("attestations")
        ordering = ["slug"]
        constraints = [
            *Evidence.Meta.constraints,
            models.CheckConstraint(
                condition=Q(Exact(keys_given(PARTY_KEYS), Value(1))),
                name="evidence_attestation_one_party",
                violation_error_message=_("One party attests: a unit, an alliance or a division."),
            ),
            models.CheckConstraint(
                condition=Q(kind="act") | ~Q(title="") | Q(kind="call"),
                name="evidence_attestation_names_its_paper",
                violation_error_message=_("Give the title of the paper."),
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | Q(disputed_at=None),
                name="evidence_attestation_confirmed_or_disputed",
                violation_error_message=_("What is disputed is not confirmed."),
            ),
        ]
        triggers = [*Evidence.Meta.triggers, SaysWhatItSupports(), KeepsEvidence("retracted_at")]

    @property
    def party(self) -> models.Model | None:
        """The unit, alliance or division that says it."""
        return party_of(self, PARTY_KEYS)

    def slug_source(self) -> str:
        return f"{self.kind}-{uuid4().hex[:16]}"

    def clean(self) -> None:
        """Refuse what no party says: an act that was none, and fields of which the party may not speak."""
        super().clean()
        stored = self.pk and type(self)._base_manager.filter(pk=self.pk).values_list("kind", flat=True).first()
        if self.Kind.ACT in (self.kind, stored):
            raise ValidationError({"kind": _("An act is recorded by the service when a party writes.")})
        party, record = self.party, self.record
        if party is None or record is None or record.pk is None:
            return
        if wrong := Speaker(party).may_not_say(record, self.supports):
            detail = NOT_COMPETENT % {"party": party, "names": ", ".join(wrong)}
            raise ValidationError({"supports": ValidationError(detail, "not_competent")})
