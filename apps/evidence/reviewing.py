"""What a curator does with what others entered: sends it back, or has looked at what was changed in it."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.models.logged_change import TO_REVIEW, LoggedChange
from apps.common.models.records import Fact
from apps.common.reading.record_version import version_of, versions_of
from apps.common.rules.permissions import may_edit, may_publish
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
def send_back(*, record: Fact, by: User) -> None:
    """Make a draft again of a record that was submitted. Raises ReviewError. Why is the reason of the transaction."""
    if record.state != Fact.State.SUBMITTED or not may_edit(by, record):
        raise ReviewError("state", _("%(record)s is not submitted.") % {"record": record})
    record.state = Fact.State.DRAFT
    record.save(update_fields=["state"])
    LogEntry.objects.log_actions(by.pk, [record], CHANGE, [{"changed": {"fields": ["state"]}}], single_object=True)


def last_change(record: Fact) -> LoggedChange | None:
    """Return the last change that somebody made in a published record, if nobody has looked at it."""
    own = LoggedChange.objects.filter(table_name=record._meta.db_table, record_id=record.pk)
    own = own.filter(RawSQL(TO_REVIEW, (), models.BooleanField()))  # noqa: S611 - a text of ours
    last = own.order_by("-number").first()
    kind = ContentType.objects.get_for_model(record)
    seen = Review.objects.filter(content_type=kind, object_id=record.pk)
    return None if last is None or seen.filter(number__gte=last.number).exists() else last


@transaction.atomic
def confirm(*, record: Fact, number: int, by: User) -> Review:
    """Note that a second curator has looked at what was changed in a published record, up to an entry of the log.

    Raises ReviewError: for who may not publish the record, for who changed it last, and where it has changed again.
    """
    record = type(record)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=record.pk)
    if not may_edit(by, record) or not may_publish(by, record):
        raise ReviewError("may_not_publish", _("What was changed is looked at by a curator of the place."))
    last = last_change(record)
    if last is None or record.state != Fact.State.PUBLISHED:
        raise ReviewError("stale", _("There is no change of %(record)s to be looked at.") % {"record": record})
    if last.user_id == by.pk:
        raise ReviewError("second_curator", _("Another curator than the one who changed it last looks at a change."))
    if last.number != number:
        raise ReviewError("stale", _("%(record)s has changed since you saw it; look again.") % {"record": record})
    kind = ContentType.objects.get_for_model(record)
    return Review.objects.create(content_type=kind, object_id=record.pk, number=number, by=by)
