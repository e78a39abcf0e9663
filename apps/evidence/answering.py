"""What parties answer to what was attested in their name: they confirm it, dispute it, or it is taken back."""

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.models import User
from apps.common.http.problems import Refusal
from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.rules.competence import speaks_for
from apps.common.rules.permissions import may_edit
from apps.common.writing.contract import error_at
from apps.evidence.models import Attestation


def confirm(attestation: Attestation, by: User | AnonymousUser) -> None:
    """Confirm a locked attestation for its party. Raises Refusal where the user may not answer for the party."""
    _check(attestation, by)
    attestation.confirmed_at, attestation.disputed_at = timezone.now(), None
    attestation.confirmed_by_id = by.pk
    attestation.save()


def dispute(attestation: Attestation, by: User | AnonymousUser) -> None:
    """Dispute a locked attestation for its party, which is shown and retracts nothing. Raises Refusal."""
    _check(attestation, by)
    attestation.disputed_at, attestation.confirmed_at, attestation.confirmed_by_id = timezone.now(), None, None
    attestation.save()


def retract(attestation: Attestation, by: User | AnonymousUser) -> None:
    """Take a locked attestation back. Raises Refusal; the database refuses where it is the last of a value."""
    party = attestation.party
    if not may_edit(by, attestation) and not (party and speaks_for(by, party)):
        raise Refusal("permission_denied")
    if attestation.retracted_at is None:
        attestation.retracted_at = timezone.now()
        attestation.save()


def _check(attestation: Attestation, by: User | AnonymousUser) -> None:
    if attestation.retracted_at is not None:
        detail = gettext("The attestation was taken back; there is nothing to answer.")
        raise Refusal("conflict", errors=[error_at("", "retracted", detail)])
    party = attestation.party
    if party is None or not speaks_for(by, party):
        detail = gettext("Only “%(party)s” answers for what is said in its name.") % {"party": party}
        raise Refusal("permission_denied", errors=[error_at("", "not_competent", detail)])
    if attestation.kind == Attestation.Kind.ACT or _recorded_by_its_side(attestation):
        detail = gettext("“%(party)s” recorded this itself; the other side confirms or disputes it.")
        raise Refusal("permission_denied", errors=[error_at("", "same_side", detail % {"party": party})])


def _recorded_by_its_side(attestation: Attestation) -> bool:
    """Whether who recorded an attestation speaks for its party himself."""
    rows = LoggedChange.objects.filter(table_name=Attestation._meta.db_table, record_id=attestation.pk)
    first = rows.filter(operation=Operation.INSERT).order_by("number").first()
    recorder = User.objects.filter(pk=first.user_id).first() if first and first.user_id else None
    return bool(recorder and attestation.party and speaks_for(recorder, attestation.party))
