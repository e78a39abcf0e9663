"""What the processes that `manage.py serve` starts have in common."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

POLITENESS = 10  # requests, and the start of the service, come first
STOP_TIMEOUT = 5.0


def die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends; otherwise it would go on by itself."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


@contextmanager
def beside(command: str) -> Iterator[None]:
    """Run one of manage.py's commands beside the block, politely; what is left of it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", command],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches us alone
        preexec_fn=_step_back if sys.platform == "linux" else None,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(*command: str, stopped: threading.Event) -> int:
    """Run one of manage.py's commands politely, and end it where it is stopped; return its exit code."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_step_back if sys.platform == "linux" else None,
    )
    while process.poll() is None and not stopped.wait(0.2):
        pass
    if process.poll() is None:
        process.terminate()  # what is broken off is taken up at the next start
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _step_back() -> None:
    die_with_parent()
    os.nice(POLITENESS)
