"""What can go wrong on purpose with a request to charge."""

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
