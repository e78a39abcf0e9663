"""What the processes that `manage.py serve` starts have in common."""

import ctypes
import signal


def die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends; otherwise it would go on by itself."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
