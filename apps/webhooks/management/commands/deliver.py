"""`manage.py deliver`: sends the messages of subscriptions until it is stopped."""

import logging
import signal
import threading
from argparse import ArgumentParser
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

from django.core.management import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from apps.webhooks.delivering import due, forget_old, serve

logger = logging.getLogger(__name__)
HOUSEKEEPING = 3600.0


class Command(BaseCommand):
    """Send messages to subscribers. Several may run side by side; SIGTERM and Ctrl-C end it behind what it sends."""

    help = "Send what subscriptions are to be told of changes, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due now, and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two looks (default 1)")
        parser.add_argument("--parallel", type=int, default=4, help="subscriptions served at a time (default 4)")

    def handle(self, *args: object, once: bool, interval: float, parallel: int, **options: object) -> None:
        if once:
            self._once()
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stopped.set())
        self.stdout.write("partybuild: delivering")
        self.stdout.flush()
        self._go_on(stopped, max(interval, 0.05), max(parallel, 1))

    def _once(self) -> None:
        sent = 0
        # Again as long as something was sent: a receiver may have more coming than one turn takes.
        while found := sum(serve(subscription) for subscription in due()):
            sent += found
        forget_old()
        self.stdout.write(f"partybuild: {sent} sent")

    def _go_on(self, stopped: threading.Event, interval: float, parallel: int) -> None:
        busy: dict[int, Future[None]] = {}
        tidied = -HOUSEKEEPING
        with ThreadPoolExecutor(parallel) as pool:
            while not stopped.is_set():
                busy = {key: job for key, job in busy.items() if not job.done()}
                try:
                    if monotonic() - tidied >= HOUSEKEEPING:
                        forget_old()
                        tidied = monotonic()
                    for subscription in due():
                        if subscription not in busy:
                            busy[subscription] = pool.submit(_serve, subscription, stopped)
                except (DatabaseError, InterfaceError) as error:
                    logger.error("the database does not answer: %s", error)
                    close_old_connections()
                stopped.wait(interval)


def _serve(subscription: int, stopped: threading.Event) -> None:
    """Serve a subscription in a thread of its own, whose connection ends with it."""
    if stopped.is_set():
        return
    try:
        serve(subscription, stopped.is_set)
    except (DatabaseError, InterfaceError) as error:
        logger.error("subscription %s: the database does not answer: %s", subscription, error)
    except Exception:
        # One subscription must not end the service of all.
        logger.exception("subscription %s", subscription)
    finally:
        connection.close()
