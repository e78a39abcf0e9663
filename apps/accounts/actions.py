"""Actions on tokens: making one, with a secret that is shown once, and revoking."""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import Appointment, Token, User


def check_appointments(user: User, appointments: Iterable[Appointment]) -> None:
    """Raise ValidationError unless all appointments are the user's own."""
    if foreign := [str(row) for row in appointments if row.user_id != user.pk]:
        raise ValidationError({"appointments": _("Not an appointment of this user: %s.") % ", ".join(foreign)})


@transaction.atomic
def make_token(
    *, user: User, name: str, scopes: list[str], appointments: Iterable[Appointment], expires_at: datetime
) -> tuple[Token, str]:
    """Make a token, and return it with its text, which cannot be had again."""
    chosen = list(appointments)
    check_appointments(user, chosen)
    token = Token(user=user, name=name, scopes=scopes, expires_at=expires_at)
    text = token.set_secret()
    token.full_clean()
    token.save()
    token.appointments.set(chosen)
    return token, text


def revoke_tokens(*, tokens: Iterable[Token]) -> int:
    """Revoke those of the tokens that are not revoked yet, for good, and return how many."""
    keys = [token.pk for token in tokens]
    return Token.objects.filter(pk__in=keys, revoked_at=None).update(revoked_at=timezone.now())
