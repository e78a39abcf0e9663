"""Administrative divisions, from the statistical division codes, valid in time."""

from datetime import date
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, F, Q
from django.db.models.functions import Coalesce, Left
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable, RecordQuerySet
from apps.common.models.slugs import SLUG_LENGTH, SLUG_PATTERN
from apps.common.rules.change_log import logged
from apps.common.rules.evidence import rests_on_evidence
from apps.common.rules.trees import TreeKey
from apps.common.sql.slots import Parameter
from apps.common.values.columns import EDTFField, PinyinField, PythonColumn, SearchField, lines
from apps.common.values.ngram_columns import MakesNgrams, NgramsField, NgramsIndex
from apps.common.values.pinyin import search_key
from apps.common.values.texts import OneLineField
from apps.registry import naming
from apps.registry.models.stale_places import DivisionMoves


class DivisionQuerySet(RecordQuerySet):
    """Divisions at a date."""

    def current(self) -> Self:
        """Return the divisions of the newest edition."""
        return self.filter(abolished_on="")

    def valid_on(self, day: date | Parameter) -> Self:
        """Return the divisions known to exist on a day.

        A change lies somewhere between two editions; a division is known to exist from the end of the interval in
        which it began to the start of the interval in which it ended (domain.md, rule 9).
        """
        return self.filter(
            Q(established_on_latest=None) | Q(established_on_latest__lte=day),
            Q(abolished_on_earliest=None) | Q(abolished_on_earliest__gte=day),
        )


class NeighbourhoodQuerySet(DivisionQuerySet):
    """Neighbourhoods, which articles rarely call by their official names."""

    def in_editions(self) -> Self:
        """Return those that the division codes list: all but the estates."""
        return self.exclude(kind="estate")

    def written_as(self, name: str) -> Self:
        """Return the neighbourhoods that a name in an article can mean; several where it is ambiguous."""
        try:
            key = naming.match_key(name)
        except ValueError:
            return self.none()
        return self.filter(self.model.written_condition(key, naming.says_village(name)))


class Division(Citable):
    """A level of the administrative divisions. Addressed by `code`."""

    key_field = "code"

    name = OneLineField(_("name"), max_length=100, help_text=_("Official name in the division codes."))
    name_pinyin = PinyinField(
        _("pinyin"),
        max_length=200,
        db_collation="C",
        help_text=_("The name in Hanyu Pinyin, by which names are sorted."),
    )
    search_text = SearchField(
        _("search text"), help_text=_("Name, pinyin and initials in the form in which they are searched.")
    )
    ngrams = NgramsField("search_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))
    editions = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("editions"),
        default=list,
        blank=True,
        help_text=_("Editions of the division codes, by year, that list the division under this name."),
    )
    established_on = EDTFField(
        _("established on"), help_text=_("When it came to exist under this name; empty: before the earliest edition.")
    )
    abolished_on = EDTFField(
        _("abolished on"),
        help_text=_("When it ceased to exist under this name; empty: it exists in the newest edition."),
    )

    objects = DivisionQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = [NgramsIndex(fields=["ngrams"], name="%(app_label)s_%(class)s_ngrams")]
        triggers = [*logged(), MakesNgrams()]


def _code(digits: int) -> dict[str, Any]:
    """Return the options of a code column: so many digits, and the last edition where the code was given anew."""
    return {
        "max_length": digits + 5,
        "unique": True,
        "validators": [
            # Not with %, which would fix the language of the message here and now.
            RegexValidator(
                rf"^\d{{{digits}}}(-\d{{4}})?$", format_lazy(_("{digits} digits are expected."), digits=digits)
            )
        ],
        "help_text": _(
            "Official code. Where the code was later given to another name, the last edition of this one follows"
            " after a hyphen."
        ),
    }


def _official_code(digits: int) -> models.GeneratedField:
    return models.GeneratedField(
        expression=Left("code", digits),
        output_field=models.CharField(max_length=digits),
        db_persist=True,
        db_index=True,
        verbose_name=_("official code"),
        help_text=_("Code as the division codes print it."),
    )


class District(Division):
    """County-level division (区, 县)."""

    resource = "districts"
    appointable = "districts"

    class Kind(models.TextChoices):
        DISTRICT = "district", _("District")
        COUNTY = "county", _("County")

    code = models.CharField(_("code"), **_code(6))
    official_code = _official_code(6)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of county-level division."))
    successor = TreeKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("successor"),
        help_text=_("Division that took its place."),
    )

    class Meta(Division.Meta):
        verbose_name = _("district")
        verbose_name_plural = _("districts")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^\d{6}(-\d{4})?$"),
                name="registry_district_code_digits",
                violation_error_message=_(
                    "The code of a district has 6 digits; a former one has a hyphen and a year behind them."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(successor=F("id")),
                name="registry_district_not_own_successor",
                violation_error_message=_("A district is not its own successor."),
            ),
        ]


class Street(Division):
    """Township-level division (街道, 镇, 乡, and zones with the same rank)."""

    resource = "streets"
    appointable = "streets"
    belongs_to = ("district",)

    class Kind(models.TextChoices):
        SUBDISTRICT = "subdistrict", _("Subdistrict")
        TOWN = "town", _("Town")
        TOWNSHIP = "township", _("Township")
        ZONE = "zone", _("Zone")

    code = models.CharField(_("code"), **_code(9))
    official_code = _official_code(9)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of township-level division."))
    district = models.ForeignKey(
        District,
        models.PROTECT,
        related_name="streets",
        verbose_name=_("district"),
        help_text=_("District or county in which it lies."),
    )
    successor = TreeKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("successor"),
        help_text=_("Division that took its place."),
    )

    class Meta(Division.Meta):
        triggers = [*Division.Meta.triggers, DivisionMoves(division="street", up="district")]
        verbose_name = _("street")
        verbose_name_plural = _("streets")
        ordering = ["code"]
        indexes = [
            *Division.Meta.indexes,
            models.Index(fields=["name_pinyin", "code"], name="registry_street_name"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^\d{9}(-\d{4})?$"),
                name="registry_street_code_digits",
                violation_error_message=_(
                    "The code of a street has 9 digits; a former one has a hyphen and a year behind them."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(successor=F("id")),
                name="registry_street_not_own_successor",
                violation_error_message=_("A street is not its own successor."),
            ),
        ]


class MatchKeyField(PythonColumn, models.CharField):
    """The form of a neighbourhood's name under which the names that articles use are found."""

    def compute(self, value: str) -> str:
        return naming.match_key(value)[: self.max_length]


class SpellingsField(PythonColumn, models.TextField):
    """The other spellings of a neighbourhood's name, with their pinyin and initials, as they are searched."""

    def compute(self, value: str) -> str:
        return lines(*map(search_key, naming.spellings(value)))


class Neighbourhood(Division):
    """A residents' or village committee, which has an official code, or an estate, which has a slug."""

    resource = "neighbourhoods"
    appointable = "neighbourhoods"
    key_field = "key"
    search_columns = {"ngrams": ("search_text", "alias_text")}
    belongs_to = ("street", "committee")

    class Kind(models.TextChoices):
        RESIDENTS_COMMITTEE = "residents_committee", _("Residents' committee")
        VILLAGE_COMMITTEE = "village_committee", _("Village committee")
        ESTATE = "estate", _("Estate")
        OTHER = "other", _("Stand-in for a zone's people")

    code = models.CharField(_("code"), null=True, blank=True, **_code(12))
    official_code = _official_code(12)
    slug = models.CharField(
        _("slug"),
        max_length=SLUG_LENGTH,
        unique=True,
        null=True,
        blank=True,
        validators=[RegexValidator(SLUG_PATTERN, _("Lower-case ASCII letters, digits and single hyphens only."))],
        help_text=_("Permanent identifier of an estate, which has no official code."),
    )
    key = models.GeneratedField(
        expression=Coalesce("code", "slug"),
        output_field=models.CharField(max_length=SLUG_LENGTH),
        db_persist=True,
        verbose_name=_("key"),
        help_text=_("Code of a committee or slug of an estate: the identifier in addresses."),
    )
    match_key = MatchKeyField(
        _("match key"),
        max_length=100,
        db_index=True,
        help_text=_("Form of the name under which other spellings of it are found."),
    )
    alias_text = SpellingsField(
        _("other names"), blank=True, help_text=_("Other names in the form in which they are searched.")
    )
    ngrams = NgramsField("search_text", "alias_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))
    kind = models.CharField(
        _("kind"), max_length=20, choices=Kind, help_text=_("Committee with an official code, or estate without one.")
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        related_name="neighbourhoods",
        verbose_name=_("street"),
        help_text=_("Street, town or township in which it lies."),
    )
    committee = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="estates",
        verbose_name=_("committee"),
        help_text=_("Committee in whose area an estate lies, where that is known."),
    )
    successor = TreeKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("successor"),
        help_text=_("Division that took its place."),
    )

    objects = NeighbourhoodQuerySet.as_manager()

    class Meta(Division.Meta):
        verbose_name = _("neighbourhood")
        verbose_name_plural = _("neighbourhoods")
        ordering = ["key"]
        indexes = [
            *Division.Meta.indexes,
            models.Index(fields=["name_pinyin", "key"], name="registry_neighbourhood_name"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(code=None) | Q(code__regex=r"^\d{12}(-\d{4})?$"),
                name="registry_neighbourhood_code_digits",
                violation_error_message=_(
                    "The code of a neighbourhood has 12 digits; a former one has a hyphen and a year behind them."
                ),
            ),
            models.CheckConstraint(
                condition=Q(slug=None) | Q(slug__regex=SLUG_PATTERN),
                name="registry_neighbourhood_slug_ascii",
                violation_error_message=_(
                    "The slug of an estate has lower-case ASCII letters, digits and single hyphens only."
                ),
            ),
            models.CheckConstraint(
                condition=Q(kind="estate", code=None, slug__isnull=False)
                | (~Q(kind="estate") & Q(code__isnull=False, slug=None)),
                name="registry_neighbourhood_code_or_slug",
                violation_error_message=_("A committee has a code and no slug; an estate has a slug and no code."),
            ),
            models.CheckConstraint(
                condition=Q(committee=None) | Q(kind="estate"),
                name="registry_neighbourhood_only_estates_have_committee",
                violation_error_message=_("Only an estate lies in a committee's area."),
            ),
            models.CheckConstraint(
                condition=~Q(successor=F("id")),
                name="registry_neighbourhood_not_own_successor",
                violation_error_message=_("A neighbourhood is not its own successor."),
            ),
            # Not `unique` on the column, which full_clean() would read off a row that is not saved yet.
            models.UniqueConstraint(fields=["key"], name="registry_neighbourhood_key_once"),
        ]
        triggers = [
            *Division.Meta.triggers,
            DivisionMoves(division="neighbourhood", up="street"),
            # No edition lists an estate, so that it rests on an article like any other fact.
            *rests_on_evidence(published="kind = 'estate'"),
        ]

    @property
    def is_held_to_evidence(self) -> bool:
        """Whether it is an estate."""
        return self.kind == self.Kind.ESTATE

    def clean(self) -> None:
        super().clean()
        try:
            naming.match_key(self.name or "")
        except ValueError as error:
            message = _("A name has at least one letter, digit or Chinese character by which it is found.")
            raise ValidationError({"name": message}) from error

    @classmethod
    def written_condition(cls, match_key: object, village: bool | None) -> Q:
        """Return the condition for the committees that a name in an article can mean (`naming.resolve` in SQL).

        Where the name gives the kind of committee, those of the kind are taken if there are any.
        """
        if village is None:
            return Q(match_key=match_key)
        # In the statistical codes, committees of villages are numbered from 200 to 399 within their street.
        kind = Q(code__regex=r"^\d{9}[23]") if village else ~Q(code__regex=r"^\d{9}[23]") | Q(code=None)
        same = cls._base_manager.filter(kind, match_key=match_key)
        return Q(match_key=match_key) & (kind | Q(~Exists(same)))
