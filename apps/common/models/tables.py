"""Tables of the house that hold no records: loaded files, kept answers, kept uploads."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LoadedFile(models.Model):
    """A fixture file that was loaded, so that a start loads only what changed and curators' edits stay."""

    path = models.CharField(
        _("path"), max_length=200, unique=True, help_text=_("Path of the file below the fixtures folder.")
    )
    sha256 = models.CharField(_("digest"), max_length=64, help_text=_("SHA-256 of the file when it was loaded."))
    loaded_at = models.DateTimeField(_("loaded at"), auto_now=True, help_text=_("When it was loaded."))

    class Meta:
        verbose_name = _("loaded file")
        verbose_name_plural = _("loaded files")
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class KeptAnswer(models.Model):
    """The answer to a POST with an `Idempotency-Key`, given again for a day (see `idempotency`)."""

    user_id = models.BigIntegerField(_("user"), help_text=_("Internal key of the account that sent the request."))
    key = models.CharField(_("key"), max_length=200, help_text=_("The key that the client gave the request."))
    digest = models.CharField(_("digest"), max_length=64, help_text=_("SHA-256 of method, address and body."))
    status = models.PositiveSmallIntegerField(_("status"), help_text=_("HTTP status of the answer."))
    headers = models.JSONField(_("headers"), help_text=_("Headers of the answer that are given again."))
    body = models.TextField(_("body"), help_text=_("Body of the answer."))
    made_at = models.DateTimeField(_("made at"), db_index=True, help_text=_("When the answer was given."))

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="common_keptanswer_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"


class KeptFile(models.Model):
    """A file between the preview of its import in the admin and the confirmation (see `admin_import`)."""

    user_id = models.BigIntegerField(_("user"), help_text=_("Internal key of the account that sent the file."))
    resource = models.CharField(_("resource"), max_length=50, help_text=_("The list into which it is imported."))
    name = models.CharField(_("name"), max_length=200, help_text=_("Name of the file."))
    media_type = models.CharField(_("media type"), max_length=100, help_text=_("What kind of file it is."))
    content = models.BinaryField(_("content"), help_text=_("The file."))
    paper = models.JSONField(
        _("paper"), default=dict, help_text=_("The attestation that was given once for all rows, as it was written.")
    )
    digest = models.CharField(
        _("digest"), max_length=64, help_text=_("SHA-256 of the file and of the changes that the preview showed.")
    )
    made_at = models.DateTimeField(_("made at"), db_index=True, help_text=_("When the preview was made."))

    class Meta:
        verbose_name = _("kept file")
        verbose_name_plural = _("kept files")
        constraints = [models.UniqueConstraint(fields=["user_id", "resource"], name="common_keptfile_one_each")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.resource}"
