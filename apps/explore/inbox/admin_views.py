"""The queue on the curators' pages: what waits, each record's values beside its sentences, and the buttons."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.accounts.authentication import user_of
from apps.accounts.models import User
from apps.common.admin.moving import linked, page_behind, told
from apps.common.http.problems import ParameterError, Refusal
from apps.common.models.records import Fact
from apps.common.rules.workflow import CONFIRMATION, DECISION, NEXT_STEP
from apps.common.writing.transaction import write_transaction
from apps.evidence.actions import publish
from apps.explore.inbox.cards import cards_of
from apps.explore.inbox.steps import ReviewError, act, confirm, locked, move
from apps.explore.inbox.views import read_place, write_place
from apps.explore.inbox.waiting import DRAFT, DUE, FIRST, KINDS, REVIEWED, SUBMITTED, TO_PUBLISH, inbox, queued

PAGE_SIZE = 20
BOX_SIZE = 8
REASON_LENGTH = 1000
ACT = "act:"  # before the name of an action of a workflow, in what a button says


def headings() -> dict[str, str]:
    """Return what the kinds of what waits are called on the pages."""
    return {
        DUE: _("Lapses soon"),
        DECISION: _("To be decided"),
        CONFIRMATION: _("To be confirmed"),
        NEXT_STEP: _("Next steps"),
        TO_PUBLISH: _("To be published"),
        REVIEWED: _("Changes to be looked at"),
        DRAFT: _("Drafts"),
        SUBMITTED: _("Submitted, waiting for a curator"),
    }


# The first page -------------------------------------------------------------------------------------------------------


def box(request: HttpRequest) -> SafeString:
    """Return what waits for the user, in short, for the first page; nothing where nothing does."""
    user = user_of(request)
    rows, counts = inbox(user, BOX_SIZE)
    if not rows:
        return SafeString("")
    named = headings()
    context = {
        "totals": [(named[kind], counts[kind]) for kind in KINDS if counts[kind]],
        "cards": cards_of(rows, whole=False),
        "named": named,
    }
    return SafeString(render_to_string("admin/explore/queue_box.html", context, request))


# The queue ------------------------------------------------------------------------------------------------------------


def queue(request: HttpRequest) -> HttpResponse:
    """Show what waits for the user, and do what a button of it says."""
    user = user_of(request)
    if request.method == "POST":
        _done(request, user)
        return HttpResponseRedirect(page_behind(request.POST, reverse("admin-queue")))
    try:
        place = read_place(request.GET.get("cursor"), user)
    except ParameterError:
        place = FIRST
    rows, counts = inbox(user, PAGE_SIZE + 1, place)
    context = {
        **admin.site.each_context(request),
        "title": _("Queue"),
        "cards": cards_of(rows[:PAGE_SIZE], whole=True),
        "totals": [(headings()[kind], number) for kind, number in counts.items() if number],
        "named": headings(),
        "following": write_place(rows[PAGE_SIZE - 1].place, user) if len(rows) > PAGE_SIZE else "",
        "reason_length": REASON_LENGTH,
    }
    return TemplateResponse(request, "admin/explore/queue.html", context)


def _done(request: HttpRequest, user: User) -> None:
    """Do what a button says with a record as it was shown, and tell."""
    record, step = _record(request, user), request.POST.get("do", "")
    action = step.removeprefix(ACT) if step.startswith(ACT) and getattr(record, "workflow", None) else ""
    do = partial(_act, name=action) if action else DOING.get(step)
    reason = request.POST.get("reason", "").strip()
    if record is None or do is None:
        messages.error(request, _("There is no such record any more."))
        return
    if len(reason) > REASON_LENGTH or "\0" in reason or (step == "send_back" and not reason):
        messages.error(request, _("Say in at most %(most)s characters why it is sent back.") % {"most": REASON_LENGTH})
        return
    try:
        with write_transaction(type(record), reason=action or reason):
            record = locked(record, request.POST.get("version", ""))
            done = do(request, record, user)
    except ReviewError as error:
        messages.error(request, error.detail)
    except Refusal as refusal:
        for each in refusal.errors or [{"detail": str(refusal.detail)}]:
            messages.error(request, each["detail"])
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    else:
        messages.success(request, done)


def _record(request: HttpRequest, user: User) -> Fact | None:
    resource, _slash, key = request.POST.get("record", "").partition("/")
    model = next((each for each in queued() if each.resource == resource), None)
    if model is None or "\0" in key:
        return None
    found: Fact | None = model.rows().visible_to(user).filter(slug=key).first()
    return found


def _act(request: HttpRequest, record: Fact, user: User, name: str) -> SafeString:
    return told(record, act(record=record, name=name, by=user))


def _of(record: Fact, done: str) -> SafeString:
    """Return the sentence that says what was done with a record."""
    return format_html("{}: {}", done, linked(record))


def _publish(request: HttpRequest, record: Fact, user: User) -> SafeString:
    if record.state != Fact.State.SUBMITTED:
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    publish(records=[record], by=user)
    return _of(record, _("Published"))


def _send_back(request: HttpRequest, record: Fact, user: User) -> SafeString:
    move(record=record, to=Fact.State.DRAFT, by=user)
    return _of(record, _("Returned to its author as a draft"))


def _submit(request: HttpRequest, record: Fact, user: User) -> SafeString:
    move(record=record, to=Fact.State.SUBMITTED, by=user)
    return _of(record, _("Submitted"))


def _take_back(request: HttpRequest, record: Fact, user: User) -> SafeString:
    move(record=record, to=Fact.State.DRAFT, by=user)
    return _of(record, _("Taken back as a draft"))


def _confirm(request: HttpRequest, record: Fact, user: User) -> SafeString:
    number = request.POST.get("number", "")
    confirm(record=record, number=int(number) if number.isascii() and number.isdecimal() else 0, by=user)
    return _of(record, _("Looked at"))


DOING: dict[str, Callable[[HttpRequest, Fact, User], SafeString]] = {
    "publish": _publish,
    "send_back": _send_back,
    "submit": _submit,
    "take_back": _take_back,
    "confirm": _confirm,
}
