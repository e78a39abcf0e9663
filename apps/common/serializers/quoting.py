"""Which quotations an answer shows: the registry does not republish the articles on which it rests."""

from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.common.rules.territory import Reader


class Quoting(NamedTuple):
    """What a reader is shown of the articles' words: everything, or what lies within a share of each article."""

    everything: bool = False
    share: float = 0.0
    in_file: bool = False


# Exports, the dump: what is in them is passed on.
IN_FILES = Quoting(in_file=True)
SIGNED_IN = Quoting(everything=True)

# Why an answer holds no quotation.
NOT_ATTACHED = _("Not verified here: the text of the article is not attached.")
WITHHELD = _("Withheld: everybody may read a part of each article only; sign in to read this one.")
NOT_IN_FILES = _("Files hold no quotations: read the record itself.")


def quoting_for(user: Reader) -> Quoting:
    """Return what a reader is shown: who is signed in, by whatever account or token, everything."""
    return SIGNED_IN if getattr(user, "is_authenticated", False) else Quoting(share=settings.QUOTED_SHARE)


def withheld(quoting: Quoting) -> str:
    """Return why a quotation whose article's text is attached is not shown to a reader, in the active language."""
    return str(NOT_IN_FILES if quoting.in_file else WITHHELD)
