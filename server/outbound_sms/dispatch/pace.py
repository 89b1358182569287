"""How fast something goes, from what was counted lately."""

import time

SPAN = 0.5


class Pace:
    """Counts, and tells the rate over the last half second or so."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._counted = 0
        self._rate = 0.0
        self.known = False
        """Whether there was ever anything to measure: a pace of 0 may also be a pause."""

    def count(self) -> None:
        """One more."""
        self._counted += 1

    def per_second(self) -> float:
        """The rate now."""
        elapsed = time.monotonic() - self._since
        if elapsed >= SPAN:
            self._rate = self._counted / elapsed
            self.known = self.known or self._counted > 0
            self._since += elapsed
            self._counted = 0
        return self._rate
