"""A bounded dictionary."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

# Texts kept by one process; the oldest goes first. A text has some 5 kB.
KEPT = 2_000


class Bounded:
    """A dictionary that forgets what was not used for the longest time. Safe for threads."""

    def __init__(self, size: int = KEPT) -> None:
        self.size = size
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key; it is made at the first use."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
