"""Tokens: how a program speaks for a user. Only a keyed digest of the secret is kept."""

import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.accounts.models.appointments import Appointment
from apps.common.values.texts import OneLineField

PREFIX = "pb_"
KEY_PATTERN = r"^[a-z0-9]{12}$"
BEARER = re.compile(rf"{PREFIX}([a-z0-9]{{12}})\.([A-Za-z0-9_-]{{43}})", re.ASCII)
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
USE_IS_NOTED_EVERY = timedelta(minutes=1)


def digest(key: str, secret: str, pepper: str) -> str:
    """Return the digest of a secret that is stored: an HMAC under a pepper that the database does not hold."""
    return salted_hmac("accounts.Token", f"{key}.{secret}", secret=pepper, algorithm="sha256").hexdigest()


class Token(models.Model):
    """A key with which a program acts for one user: some of what the user may, until a day."""

    class Scope(models.TextChoices):
        READ = "read", _("Read, drafts in its territory included")
        WRITE = "write", _("Write")
        STEWARD = "steward", _("Use the rights of a steward")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="tokens",
        verbose_name=_("user"),
        help_text=_("For whom the token acts."),
    )
    name = OneLineField(_("name"), max_length=100, help_text=_("What the token is for, such as the program."))
    key = models.CharField(
        _("identifier"), max_length=12, unique=True, editable=False, help_text=_("Public part of the token.")
    )
    digest = models.CharField(
        _("digest"), max_length=64, editable=False, help_text=_("Keyed digest of the secret, which is not kept.")
    )
    scopes = ArrayField(
        models.CharField(max_length=10, choices=Scope),
        verbose_name=_("scopes"),
        help_text=_("What the token is good for."),
    )
    appointments = models.ManyToManyField(
        Appointment,
        blank=True,
        related_name="tokens",
        verbose_name=_("appointments"),
        help_text=_("Appointments of the user that the token may use; none: it reads what is published."),
    )
    expires_at = models.DateTimeField(_("expires at"), help_text=_("Until when the token is good."))
    revoked_at = models.DateTimeField(
        _("revoked at"), null=True, editable=False, help_text=_("When the token was revoked; empty: it was not.")
    )
    last_used_at = models.DateTimeField(
        _("last used at"), null=True, editable=False, help_text=_("When the token was last used, to the minute.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(key__regex=KEY_PATTERN),
                name="accounts_token_key_pattern",
                violation_error_message=_(
                    "The public identifier of a token has a form of its own, which the registry gives it."
                ),
            ),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"),
                name="accounts_token_digest_only",
                violation_error_message=_("Of a token's secret only the digest is stored."),
            ),
            models.CheckConstraint(
                condition=~Q(scopes=[]) & Q(scopes__contained_by=["read", "write", "steward"]),
                name="accounts_token_scopes_known",
                violation_error_message=_("Choose at least one scope: read, write or steward."),
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="accounts_token_expires_after_it_is_made",
                violation_error_message=_("A token cannot expire before it is made."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({PREFIX}{self.key})"

    def set_secret(self) -> str:
        """Give the token a new identifier and secret, and return the whole: it cannot be read again."""
        self.key = "".join(secrets.choice(ALPHABET) for _number in range(12))
        secret = secrets.token_urlsafe(32)
        self.digest = digest(self.key, secret, settings.SECRET_KEY)
        return f"{PREFIX}{self.key}.{secret}"

    def is_secret(self, secret: str) -> bool:
        """Return, in constant time, whether this is the token's secret, under this pepper or a former one."""
        peppers = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        # All are tried, whatever the first of them gave.
        matches = [constant_time_compare(digest(self.key, secret, pepper), self.digest) for pepper in peppers]
        return any(matches)

    @property
    def is_good(self) -> bool:
        """Whether the token may be used now."""
        return self.revoked_at is None and self.expires_at > timezone.now() and self.user.is_active

    def note_use(self, secret: str) -> None:
        """Keep the time of use, at most once a minute, and take up a new pepper where the digest has a former one."""
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_IS_NOTED_EVERY)
        if not self.last_used_at or self.last_used_at < now - USE_IS_NOTED_EVERY:
            current = digest(self.key, secret, settings.SECRET_KEY)
            Token.objects.filter(stale, pk=self.pk).update(last_used_at=now, digest=current)


def default_expiry() -> datetime:
    """Return the time at which a token expires unless its maker says otherwise: in a year."""
    return timezone.now() + timedelta(days=365)
