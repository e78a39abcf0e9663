"""Identifiers that others give to organisations."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact
from apps.common.rules.competence import Attester
from apps.common.rules.evidence import WHOLE
from apps.common.values.columns import SearchField
from apps.common.values.ngram_columns import NgramsField, NgramsIndex
from apps.common.values.texts import OneLineField
from apps.registry.models.places import Placed
from apps.registry.models.units import MemberUnit
from apps.registry.schemes import SCHEMES, SchemeError, normalise

_WELL_FORMED = Q()
for _name, _scheme in SCHEMES.items():
    _WELL_FORMED |= Q(scheme=_name, value__regex=_scheme.pattern)


class Identifier(Placed, Fact):
    """The code of an organisation in another register. No two units bear the same."""

    resource = "identifiers"
    attested_by = (Attester("unit"),)
    unevidenced = {"unit": WHOLE}
    hangs_on = ("unit",)
    name_field = "value"
    belongs_to = ("unit",)
    search_columns = {"ngrams": ("search_text",)}

    class Scheme(models.TextChoices):
        USCC = "uscc", _("Unified social credit code")
        SCHOOL = "school", _("School code of the Ministry of Education")
        ISNI = "isni", _("International Standard Name Identifier")
        ROR = "ror", _("Research Organization Registry")
        WIKIDATA = "wikidata", _("Wikidata")
        DOMAIN = "domain", _("Domain of the official website")

    unit = models.ForeignKey(
        MemberUnit,
        models.CASCADE,
        related_name="identifiers",
        verbose_name=_("unit"),
        help_text=_("Unit that bears the identifier."),
    )
    scheme = models.CharField(
        _("scheme"), max_length=20, choices=Scheme, help_text=_("Register or standard that gives the identifier.")
    )
    value = OneLineField(
        _("value"),
        max_length=200,
        help_text=_("The identifier as its scheme writes it; spaces, letter case and addresses are put right."),
    )
    search_text = SearchField(
        _("search text"), source="value", help_text=_("The identifier in the form in which it is searched.")
    )
    ngrams = NgramsField("search_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))

    class Meta(Fact.Meta):
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        ordering = ["slug"]
        indexes = [*Fact.Meta.indexes, NgramsIndex(fields=["ngrams"], name="%(app_label)s_%(class)s_ngrams")]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(
                fields=["scheme", "value"],
                name="registry_identifier_once",
                violation_error_message=_("Another record bears this identifier."),
            ),
            models.CheckConstraint(
                condition=_WELL_FORMED,
                name="registry_identifier_well_formed",
                violation_error_message=_("The value does not have the form that its scheme prescribes."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"

    def clean(self) -> None:
        # Before the slug is made of it.
        if self.scheme in SCHEMES:
            try:
                self.value = normalise(self.scheme, self.value)
            except SchemeError as error:
                raise ValidationError({"value": error.reason}) from error
        super().clean()

    def slug_source(self) -> str:
        return f"{self.scheme}-{self.value}"
