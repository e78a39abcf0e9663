"""Begin a new epoch of the data, after they were restored from a copy."""

from django.core.management.base import BaseCommand

from apps.history.epochs import begin_epoch


class Command(BaseCommand):
    """Begin a new epoch: who follows the change feed is told to begin anew (410, and `reset` to webhooks).

    Run it after every restore of a dump, before the service starts; not after a failover to a standby, which goes on
    with the same transactions.
    """

    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(f"partybuild: epoch {begin_epoch()} has begun")
