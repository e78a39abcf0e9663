"""granian, with the application loaded before it forks its workers: `manage.py serve` runs it (`-m partybuild.server`).

Each worker would load all of it for itself, in some four seconds, during which nobody is answered where workers died.
Where processes are not forked (macOS), workers load it as before.
"""

import gc
import logging

from django.urls import resolve
from granian.cli import entrypoint
from granian.server import mp

from partybuild import wsgi  # noqa: F401 - the application, found loaded by the name that granian is given
from partybuild.protocol import answering

vars(mp)["_wsgi_call_wrap"] = answering  # in each worker, forked or not


def main() -> None:
    """Load all views, which Django would leave to the first request of each worker, and run granian."""
    resolve("/")
    gc.freeze()  # all that is loaded stays: a worker need not look through it for what it may give up
    # Of a setting of the system that docs/operations.md speaks of; not at every start.
    logging.getLogger("_granian").addFilter(lambda record: "tcp_migrate_req" not in record.getMessage())
    entrypoint()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
