"""The times at which a message that was not taken is sent again."""

from datetime import timedelta

# How long a message is tried before its subscription counts as failed.
PERIOD = timedelta(days=3)
FIRST = timedelta(seconds=5)
LONGEST = timedelta(hours=8)
FACTOR = 4
JITTER = 0.2  # so that messages that failed together do not come back together


def delay(attempts: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """Return the wait after so many attempts; `chance` lies between 0 and 1.

    `asked` is what the receiver asked for (`Retry-After`): it is waited for if it is longer, up to the longest wait.
    """
    steps = min(attempts - 1, 12)
    wait = min(FIRST * FACTOR**steps, LONGEST) * (1 - JITTER + 2 * JITTER * chance)
    return max(wait, min(asked, LONGEST)) if asked else wait
