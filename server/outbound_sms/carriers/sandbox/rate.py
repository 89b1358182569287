"""The rate at which the sandbox takes segments."""

from collections.abc import Callable


class TokenBucket:
    """Lets `rate` segments a second through, and a burst of one second's worth.

    A message of more segments than the burst passes once the bucket is full, and leaves a debt.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = max(rate, 1.0)
        self._clock = clock
        self._tokens = self._burst
        self._filled_at = clock()

    def take(self, segments: int) -> float:
        """Takes the segments and returns 0, or takes none and returns the seconds to wait."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        needed = min(float(segments), self._burst)
        if self._tokens >= needed:
            self._tokens -= segments
            return 0.0
        return (needed - self._tokens) / self._rate
