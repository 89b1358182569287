"""How long a bind is left alone when the SMSC says that it gets too much."""


class ThrottlePause:
    """Pauses of `first` seconds, then of twice as many each time, up to `most`.

    A whole window is refused at once, which is one pause and not ten. Times are of the event loop.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._next = first
        self._until = 0.0
        self.carrier_code = ""

    def left(self, now: float) -> float:
        """Seconds for which nothing may be submitted; 0 when it may."""
        return max(0.0, self._until - now)

    def refused(self, now: float, carrier_code: str) -> float:
        """Begins a pause, unless there is one. Returns its seconds that are left."""
        self.carrier_code = carrier_code
        if now >= self._until:
            self._until = now + self._next
            self._next = min(2 * self._next, self._most)
        return self._until - now

    def accepted(self, now: float) -> None:
        """Something was accepted: after a pause, this ends the doubling."""
        if now >= self._until:
            self._next = self._first
