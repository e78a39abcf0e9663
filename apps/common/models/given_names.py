"""Records whose name is either written in their source or the registry's own label."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import NamedRecord
from apps.common.rules.evidence import OWN_LABEL


class MaybeUnnamed(NamedRecord):
    """A record of something that a source may describe without naming it."""

    unevidenced = {"name_given": OWN_LABEL}

    name_given = models.BooleanField(
        _("name is given"),
        default=False,
        help_text=_("Whether the name is the registry's own label, for something that the source does not name."),
    )

    class Meta(NamedRecord.Meta):
        abstract = True
