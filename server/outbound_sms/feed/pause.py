"""How long to wait after a failure that passes."""

import random


class BackOff:
    """Pauses in seconds that double from `first` up to `longest`, each ±50 %.

    So processes that lost the same database do not all come back at the same moment.
    """

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def failed(self) -> float:
        """How long to wait after this failure."""
        pause = self._next
        self._next = min(2 * self._next, self._longest)
        return pause * random.uniform(0.5, 1.5)

    def succeeded(self) -> None:
        """Starts over."""
        self._next = self._first
