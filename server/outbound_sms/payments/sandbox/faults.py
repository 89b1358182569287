"""What goes wrong on purpose with single requests, in the order in which it was asked for."""

from collections import deque
from enum import StrEnum


class Fault(StrEnum):
    """One way in which a request to charge goes wrong."""

    DROP = "drop"
    """The connection breaks, and nothing is charged."""
    ANSWER_LOST = "answer-lost"
    """Charged, and the connection breaks before the answer."""
    LATE = "late"
    """Charged, and the answer comes after `late_seconds`; until then the key is in use."""
    ERROR_BEFORE = "error-before"
    """Not charged, and answered with 500, which is not stored."""
    ERROR_AFTER = "error-after"
    """Charged, and answered with 500, which is not stored: the next request is answered well."""
    ERROR_STORED = "error-stored"
    """Charged, and answered with 500, which is stored: so is every request with the key."""
    THROTTLED = "429"
    """Not charged, and answered with 429."""


CHARGING = frozenset({Fault.ANSWER_LOST, Fault.LATE, Fault.ERROR_AFTER, Fault.ERROR_STORED})


class FaultScript:
    """The faults that were requested and have not happened yet."""

    def __init__(self) -> None:
        self._requested: dict[str | None, deque[Fault]] = {}

    def request(self, fault: Fault, *, payment_method: str | None, count: int) -> None:
        """The next `count` requests (with `payment_method`, when given) meet this fault."""
        self._requested.setdefault(payment_method, deque()).extend([fault] * count)

    def clear(self) -> None:
        """Forgets them."""
        self._requested.clear()

    def next(self, payment_method: str) -> Fault | None:
        """What happens to the request that has just arrived."""
        for key in (payment_method, None):
            if waiting := self._requested.get(key):
                return waiting.popleft()
        return None
