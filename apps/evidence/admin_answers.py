"""Parties answer on the list of attestations: they confirm, dispute and take back, as over HTTP (`answering`)."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.authentication import user_of
from apps.accounts.models import User
from apps.common.http.problems import Refusal
from apps.common.models.records import RecordQuerySet
from apps.common.writing.refusals import refusing
from apps.evidence import answering
from apps.evidence.models import Attestation


def _action(verb: Callable[[Attestation, User], None], description: Any, done: Any) -> Callable[..., None]:
    """Return the action by which a party answers to the selected attestations, to all or to none."""

    @admin.action(description=description, permissions=["change"])
    def answer(page: Any, request: HttpRequest, queryset: RecordQuerySet) -> None:
        rows = queryset.editable_by(request.user).order_by("pk").select_for_update(of=("self",), no_key=True)
        try:
            with refusing(Attestation), transaction.atomic():
                for attestation in rows:
                    verb(attestation, user_of(request))
                    page.log_change(request, attestation, str(description))
                connection.check_constraints()
        except Refusal as refusal:
            messages.error(request, str(refusal.detail))
        else:
            messages.success(request, done)

    answer.__name__ = verb.__name__
    return answer


ANSWERS = (
    _action(answering.confirm, _("Confirm for the party"), _("Confirmed.")),
    _action(answering.dispute, _("Dispute for the party"), _("Disputed.")),
    _action(answering.retract, _("Take back"), _("Taken back.")),
)
