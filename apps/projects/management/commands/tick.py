"""Write what has lapsed: claims whose lease is over, needs whose last day has passed.

Answers tell that already (`lapsed`); once it is written, the feed and webhooks tell it too. It may run at any time, as
often as one likes, and several times at once: what somebody holds at the moment is left to the next run.
"""

from typing import Any, cast

from django.core.management.base import BaseCommand

from apps.common.models.moved import Moved, lapsed
from apps.common.models.records import Fact
from apps.common.rules.workflow import LAPSE
from apps.common.values.dates import today
from apps.common.writing.statuses import move_by_rule
from apps.common.writing.transaction import write_transaction


class Command(BaseCommand):
    """Write what has lapsed, each record in a transaction of its own."""

    help = "Write what has lapsed by now: leases of claims that are over, needs whose last day has passed."

    def handle(self, *args: object, **options: object) -> None:
        for rows in lapsed(today()):
            model: Any = rows.model
            written = sum(_write(model, key) for key in [*rows.order_by("pk").values_list("pk", flat=True)])
            self.stdout.write(f"partybuild: {written} {model.resource} lapsed")


def _write(model: type[Moved], key: int) -> bool:
    """Write that a record has lapsed, if it still has and nobody holds it; return whether that was so."""
    with write_transaction(model, reason=LAPSE):
        rows = model._default_manager.select_for_update(no_key=True, skip_locked=True, of=("self",))
        record = rows.filter(model.over(today()), pk=key).first()
        party = None if record is None else record.ruler()
        return party is not None and bool(move_by_rule(cast(Fact, record), LAPSE, party))
