"""Steps of a record on its way to be published, and that a second curator has looked at what was changed in it."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.models.logged_change import TO_REVIEW, LoggedChange
from apps.common.models.records import Fact
from apps.common.reading.record_version import version_of, versions_of
from apps.common.resources.registry import viewsets
from apps.common.rules.permissions import may_edit, may_publish
from apps.common.rules.workflow import Transition
from apps.common.writing.contract import Finder
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.moving import RecordMover
from apps.common.writing.statuses import workflow_of
from apps.evidence.models import Citation, Review


class ReviewError(ValueError):
    """A record that is not for the user to look at: a code of an error, and the reason."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def shown_version(record: Fact) -> str:
    """Return the version of a record as it stands in the database, with that of its evidence."""
    cited = versions_of(Citation, list(record.citations.values_list("pk", flat=True)))
    return "-".join([version_of(record), *sorted(cited.values())])


def locked(record: Fact, version: str) -> Fact:
    """Return a record that nobody else can change until the end of the transaction.

    Raises ReviewError where it is no longer as `shown_version` had it.
    """
    found = type(record)._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=record.pk).first()
    if found is None or shown_version(found) != version:
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    return found


@transaction.atomic
def move(*, record: Fact, to: Fact.State, by: User) -> None:
    """Submit a draft, or make a draft again of what was submitted. Why is the reason of the transaction.

    Raises ReviewError where the record is neither, or is so already, and for who may not edit it.
    """
    if Fact.State.PUBLISHED in (record.state, to) or record.state == to or not may_edit(by, record):
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    record.state = to
    record.save(update_fields=["state"])
    LogEntry.objects.log_actions(by.pk, [record], CHANGE, [{"changed": {"fields": ["state"]}}], single_object=True)


def act(*, record: Fact, name: str, by: User) -> Transition:
    """Move a locked record by an action of its workflow that is given nothing; return the transition.

    Raises Refusal where the action is not open to the user, or asks for something.
    """
    transition = next(iter(workflow_of(record).named(name)), None)
    if transition is None:
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    changes = RecordMover(viewsets()[record.resource].contract(), by, Finder(by)).move(record, name, {})
    settle_evidence(changes, by)
    LogEntry.objects.log_actions(by.pk, [record], CHANGE, [{"changed": {"fields": ["status"]}}], single_object=True)
    return transition


def unseen_changes(record: Fact) -> models.QuerySet[LoggedChange]:
    """Return the changes that users made in a published record since somebody looked at it, the newest first."""
    seen = Review.objects.filter(content_type=ContentType.objects.get_for_model(record), object_id=record.pk)
    own = LoggedChange.objects.filter(table_name=record._meta.db_table, record_id=record.pk)
    own = own.filter(RawSQL(TO_REVIEW, (), models.BooleanField()))  # noqa: S611 - a text of ours
    last = seen.order_by("-number").values_list("number", flat=True).first()
    return own.filter(number__gt=last or 0).order_by("-number")


@transaction.atomic
def confirm(*, record: Fact, number: int, by: User) -> Review:
    """Note that a second curator has looked at what was changed in a published record, up to an entry of the log.

    Raises ReviewError: for who may not publish the record, for who changed it last, and where it has changed again.
    """
    record = type(record)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=record.pk)
    if not may_edit(by, record) or not may_publish(by, record):
        raise ReviewError("may_not_publish", _("What was changed is looked at by a curator of the place."))
    last = unseen_changes(record).first()
    if last is None or record.state != Fact.State.PUBLISHED:
        raise ReviewError("stale", _("There is no change of %(record)s to be looked at.") % {"record": record})
    if last.user_id == by.pk:
        raise ReviewError("second_curator", _("Another curator than the one who changed it last looks at a change."))
    if last.number != number:
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    kind = ContentType.objects.get_for_model(record)
    return Review.objects.create(content_type=kind, object_id=record.pk, number=number, by=by)
