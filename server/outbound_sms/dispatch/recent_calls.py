"""Calls of the last minute, and how many of them failed."""

from collections import deque
from dataclasses import dataclass

SPAN = 60.0
"""Seconds for which a call is remembered."""

PIECE = 1.0
"""Seconds that are counted together."""


@dataclass(slots=True)
class _Piece:
    since: float
    calls: int = 0
    failures: int = 0


class RecentCalls:
    """Counts by the second, so that it stays small however many calls there are."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._latest = _Piece(float("-inf"))
        self._calls = 0
        self._failures = 0

    def add(self, now: float, failed: bool) -> None:
        """One call has ended at `now`, seconds of a clock that only grows."""
        if now >= self._latest.since + PIECE:
            self._forget(now)
            self.split(now)
        self._latest.calls += 1
        self._calls += 1
        if failed:
            self._latest.failures += 1
            self._failures += 1

    def split(self, now: float) -> None:
        """Lets `count_since` tell what comes after `now` from what came before."""
        self._latest = _Piece(now)
        self._pieces.append(self._latest)

    def count(self, now: float) -> tuple[int, int]:
        """The calls of the last minute, and those of them that failed."""
        self._forget(now)
        return self._calls, self._failures

    def count_since(self, now: float, since: float) -> tuple[int, int]:
        """The same, but only those after `since`, at which it was split."""
        self._forget(now)
        after = [piece for piece in self._pieces if piece.since >= since]
        return sum(piece.calls for piece in after), sum(piece.failures for piece in after)

    def _forget(self, now: float) -> None:
        while self._pieces and self._pieces[0].since <= now - SPAN:
            piece = self._pieces.popleft()
            self._calls -= piece.calls
            self._failures -= piece.failures
