"""Who takes part in something: the base of project partners and participations, and the keys of any party.

A party is a unit, an alliance, or a division as such: a district, a street or a neighbourhood. A row has a key for each
of the five, of which at most one is set. Members of a body and claimants are units only.
"""

from typing import Any

from django.db import models
from django.db.models import F, Func, IntegerField, Q, Value
from django.db.models.lookups import Exact, GreaterThan, LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact
from apps.common.models.row_names import FirstOf, LabelOf, RowName
from apps.common.values.pinyin import slugify_name
from apps.common.values.texts import OneLineField
from apps.registry.models.alliances import Alliance
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.units import MemberUnit

PARTY_KEYS = ("unit", "alliance", "party_district", "party_street", "party_neighbourhood")


def party_key(target: type[models.Model], related_name: str, **texts: Any) -> Any:
    """Return a reference to one kind of party; `texts` are its `verbose_name` and `help_text`."""
    return models.ForeignKey(
        target,
        models.PROTECT,
        null=True,
        blank=True,
        related_name=related_name,
        **texts,
    )


def party_of(row: models.Model, keys: tuple[str, ...]) -> models.Model | None:
    """Return the record at the one key of a party that is set; None where none is."""
    return next((target for key in keys if (target := getattr(row, key)) is not None), None)


def keys_given(keys: tuple[str, ...]) -> Func:
    """Return the expression for how many of the keys of a party are set."""
    return Func(*map(F, keys), function="num_nonnulls", output_field=IntegerField())


def one_party_at_most(keys: tuple[str, ...], name: str, sentence: Any) -> models.CheckConstraint:
    """Return the constraint that at most one of the keys of a party is set; `sentence` says so."""
    return models.CheckConstraint(
        condition=Q(LessThanOrEqual(keys_given(keys), Value(1))),
        name=name,
        violation_error_message=sentence,
    )


class Party(Fact):
    """One who takes part: a unit, an alliance or a division, or a name as written that is not resolved yet."""

    name_field = "slug"
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = PARTY_KEYS
    concerns = PARTY_KEYS
    parties = {"party": PARTY_KEYS}

    unit = party_key(MemberUnit, "%(class)ss", verbose_name=_("unit"), help_text=_("Unit that takes part."))
    alliance = party_key(
        Alliance, "%(class)ss", verbose_name=_("alliance"), help_text=_("Body of units that takes part as such.")
    )
    party_district = party_key(
        District,
        "%(class)ss",
        verbose_name=_("district as party"),
        help_text=_("District that takes part as such, wherever that is."),
    )
    party_street = party_key(
        Street,
        "%(class)ss",
        verbose_name=_("street as party"),
        help_text=_("Street, town or township that takes part as such."),
    )
    party_neighbourhood = party_key(
        Neighbourhood,
        "%(class)ss",
        verbose_name=_("neighbourhood as party"),
        help_text=_("Neighbourhood that takes part as such."),
    )
    as_written = OneLineField(
        _("as written"), max_length=200, blank=True, help_text=_("The party's name as the source writes it.")
    )
    group = models.BooleanField(
        _("group"),
        default=False,
        help_text=_("Whether the name as written stands for several that are not named one by one, such as 驻区单位."),
    )

    class Meta(Fact.Meta):
        abstract = True
        constraints = [
            *Fact.Meta.constraints,
            one_party_at_most(
                PARTY_KEYS,
                "%(app_label)s_%(class)s_one_party",
                _("A party is one unit, one alliance or one division, not several."),
            ),
            models.CheckConstraint(
                condition=Q(GreaterThan(keys_given(PARTY_KEYS), Value(0))) | ~Q(as_written=""),
                name="%(app_label)s_%(class)s_names_a_party",
                violation_error_message=_(
                    "Name the unit, the alliance or the division, or give the name as the source writes it."
                ),
            ),
            models.CheckConstraint(
                condition=Q(group=False) | Q(Exact(keys_given(PARTY_KEYS), Value(0))),
                name="%(app_label)s_%(class)s_group_is_no_party",
                violation_error_message=_("A group of several is not one unit, alliance or division."),
            ),
        ]

    @staticmethod
    def named_in(whole: str) -> RowName:
        """Return what a row is called: by its party and its role in the record that a reference names."""
        sentence = _("%(party)s (%(role)s) · %(whole)s")
        party = FirstOf(*PARTY_KEYS, "as_written")
        return RowName(sentence, {"party": party, "role": LabelOf("role"), "whole": FirstOf(whole)})

    @property
    def party(self) -> models.Model | None:
        """The unit, alliance or division; None while the name as written is not resolved."""
        return party_of(self, PARTY_KEYS)

    @property
    def party_name(self) -> str:
        """The name under which the party is shown."""
        return str(self.party or self.as_written)

    def party_slug(self) -> str:
        """Return the part of a slug that stands for the party."""
        party: Any = self.party
        return party.key if party else slugify_name(self.as_written)
