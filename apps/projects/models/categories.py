"""The headings under which projects are sorted."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import NamedRecord
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import ORDER
from apps.registry.models import Alliance, Placed


class Category(Placed, NamedRecord):
    """A heading under which an alliance or a programme sorts its projects, in its own words."""

    own_words = frozenset({"position"})
    resource = "categories"
    attested_by = (Attester("alliance"), Attester(PLACE))
    unevidenced = {"position": ORDER}
    hangs_on = ("alliance", "programme")
    belongs_to = ("alliance", "programme")

    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("alliance"),
        help_text=_("Body that uses the heading."),
    )
    programme = models.ForeignKey(
        "Project",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("programme"),
        help_text=_("Programme that uses the heading."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), null=True, blank=True, help_text=_("Place in the order of the source, from 1.")
    )

    class Meta(NamedRecord.Meta):
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False) | Q(programme__isnull=False),
                name="projects_category_has_user",
                violation_error_message=_("Name the alliance or the programme that uses the category."),
            ),
        ]
