#!/usr/bin/env python
"""The command line of the project: `python manage.py <command>`."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports: end, without a trace

import gc  # noqa: E402 (after the line above, as all imports here)

gc.disable()  # until all is loaded, of which nothing goes: a sixth of a start went into looking for it

import os  # noqa: E402
import sys  # noqa: E402

import django  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402

from partybuild import database  # noqa: E402


def main() -> None:
    """Run one command; what only the operator can put right is said in one line, without a trace."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    # Both as exceptions, so that the exit handlers run and let go of the database.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        database.prepare()
        django.setup()
        gc.freeze()  # and it is passed over later, too
        gc.enable()
        execute_from_command_line(sys.argv)
    except (database.SetupError, ImproperlyConfigured) as error:
        sys.exit(f"partybuild: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
