"""Files that are imported behind the answer to the request that brought them."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportJob(models.Model):
    """The import of a long file: what was asked, how far it is, and how it ended. The file goes when it has ended."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    key = models.UUIDField(
        _("key"), default=uuid.uuid4, unique=True, editable=False, help_text=_("Identifier in the address.")
    )
    user_id = models.BigIntegerField(_("user"), help_text=_("Internal key of the account that sent the file."))
    token = models.CharField(
        _("token"),
        max_length=64,
        blank=True,
        help_text=_("Public part of the token that was used; empty in the admin."),
    )
    request_id = models.CharField(_("request"), max_length=64, help_text=_("Request that brought the file."))
    client_request_id = models.CharField(
        _("client's request"), max_length=64, blank=True, help_text=_("What the client called the request, if it did.")
    )
    language = models.CharField(_("language"), max_length=10, help_text=_("Language in which errors are told."))
    resource = models.CharField(_("resource"), max_length=50, help_text=_("The list into which it is imported."))
    name = models.CharField(_("name"), max_length=200, blank=True, help_text=_("Name of the file, where it has one."))
    media_type = models.CharField(_("media type"), max_length=100, help_text=_("What kind of file it is."))
    content = models.BinaryField(_("content"), null=True, help_text=_("The file, until the job has ended."))
    paper = models.JSONField(
        _("paper"), default=dict, help_text=_("The attestation that was given once for all rows, as it was written.")
    )
    reason = models.TextField(_("reason"), help_text=_("Why the registry is changed."))
    is_dry = models.BooleanField(_("dry run"), help_text=_("Whether nothing is kept."))
    is_shown = models.BooleanField(_("shown"), help_text=_("Whether the admin shows what it would do."))
    agreed = models.CharField(
        _("agreed"), max_length=64, blank=True, help_text=_("Digest of the preview that was confirmed in the admin.")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.WAITING, help_text=_("How far it is.")
    )
    tries = models.PositiveSmallIntegerField(_("tries"), default=0, help_text=_("How often it was begun."))
    rows = models.PositiveIntegerField(_("rows"), null=True, help_text=_("Rows of the file, once it is read."))
    rows_done = models.PositiveIntegerField(
        _("rows done"), default=0, help_text=_("Rows that are checked and written.")
    )
    result = models.JSONField(_("result"), null=True, help_text=_("What the import did, as its answer says it."))
    problem = models.JSONField(_("problem"), null=True, help_text=_("Why it did nothing, as an answer says it."))
    preview = models.JSONField(_("preview"), null=True, help_text=_("What the admin shows of it."))
    made_at = models.DateTimeField(_("made at"), auto_now_add=True, db_index=True, help_text=_("When the file came."))
    started_at = models.DateTimeField(_("started at"), null=True, help_text=_("When it was last begun."))
    ended_at = models.DateTimeField(_("ended at"), null=True, help_text=_("When it ended."))

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=("waiting", "running")),
                name="common_importjob_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource}: {self.key}"
