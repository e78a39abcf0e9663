"""The number of requests of each client in the present window of time: one row a client."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RequestWindow(models.Model):
    """A counter of requests. The table is UNLOGGED: it costs no write-ahead log, and a crash may empty it."""

    key = models.CharField(
        _("key"), max_length=100, primary_key=True, help_text=_("Who asks: a token, a user or an address.")
    )
    began_at = models.DateTimeField(_("began at"), db_index=True, help_text=_("When the window began."))
    used = models.PositiveIntegerField(_("used"), help_text=_("Requests in the window so far."))

    class Meta:
        verbose_name = _("request window")
        verbose_name_plural = _("request windows")
