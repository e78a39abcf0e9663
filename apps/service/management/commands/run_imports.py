"""`manage.py run_imports`: imports the long files that wait (`manage.py serve` runs it when there is one)."""

import gc
import logging
import signal
import threading
from argparse import ArgumentParser

from django.core.management import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from apps.accounts.authentication import user_again
from apps.common.resources.import_runner import run_waiting

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Import the files that wait. Several may run side by side; what is broken off is taken up by the next to look."""

    help = "Import the long files that wait, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="import what waits now, and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two looks (default 1)")

    def handle(self, *args: object, once: bool, interval: float, **options: object) -> None:
        if once:
            while run_waiting(user_again):
                pass
            return
        gc.freeze()  # what is loaded stays: while many rows are made, it is not looked through again and again
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stopped.set())
        while not stopped.wait(max(interval, 0.05)):
            try:
                run_waiting(user_again)
            except (DatabaseError, InterfaceError) as error:
                logger.error("the database does not answer: %s", error)
                close_old_connections()
