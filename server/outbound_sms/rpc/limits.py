"""How much may go on at once, in this process and for one instance."""

import random
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.errors import LimitExceeded, Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process. Times in seconds.

    A client of one instance cannot starve the others, and no call holds on for ever. Streams of
    status changes end earlier by themselves, with a last cursor; `stream_life` is for the others.
    A key that was revoked opens nothing after `key_cache`, and what it opened until then ends after
    another `stream_key_check`: within 5 seconds in all.
    """

    unary: int = 500
    unary_per_instance: int = 50
    streams: int = 2_000
    streams_per_instance: int = 20
    default_deadline: float = 30.0
    longest_deadline: float = 60.0
    key_cache: float = 2.5
    stream_key_check: float = 2.0
    key_use_write: float = 60.0
    stream_life: tuple[float, float] = (3_900.0, 4_020.0)
    slow_consumer: float = 60.0
    stream_drain: float = 5.0


class Room:
    """Counts what is in progress, in all and for each instance."""

    def __init__(self, name: str, total: int, per_instance: int) -> None:
        self._name = name
        self._total = total
        self._per_instance = per_instance
        self._in_progress = 0
        # By the id's number, which is quicker to look up than the id.
        self._by_instance: dict[int, int] = {}

    @property
    def in_progress(self) -> int:
        return self._in_progress

    def enter(self) -> None:
        """Takes a place, to be given back by `leave`. Raises LimitExceeded when there is none."""
        if self._in_progress >= self._total:
            raise self._full(self._name, self._total)
        self._in_progress += 1

    def leave(self) -> None:
        """Gives the place back."""
        self._in_progress -= 1

    def enter_instance(self, instance_id: UUID) -> None:
        """Takes one of the instance's places. Raises LimitExceeded when there is none."""
        taken = self._by_instance.get(instance_id.int, 0)
        if taken >= self._per_instance:
            raise self._full(f"{self._name}_per_instance", self._per_instance)
        self._by_instance[instance_id.int] = taken + 1

    def leave_instance(self, instance_id: UUID) -> None:
        """Gives the instance's place back."""
        left = self._by_instance.pop(instance_id.int) - 1
        if left:
            self._by_instance[instance_id.int] = left

    def _full(self, name: str, limit: int) -> LimitExceeded:
        return LimitExceeded(
            Reason.LIMIT_EXCEEDED,
            f"More than {limit} at once ({name}); repeat after the delay, or end some first.",
            retry_after=random.uniform(1.0, 3.0),
            limit=name,
        )
