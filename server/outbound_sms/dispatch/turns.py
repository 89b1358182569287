"""Whose turn it is: instances share the dispatcher equally, however much each has waiting."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.sending_number import CarrierRoute
from outbound_sms.store.dispatch import OpenGroup

INSTANCES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class ReadyNumber:
    """A sending number with messages that may go out, its groups in the order of sending.

    `wait` is the seconds until its rate allows some.
    """

    instance_id: UUID
    sending_number_id: UUID
    routes: tuple[CarrierRoute, ...]
    wait: float
    groups: list[OpenGroup]


class Turns:
    """Chooses the next sending numbers, one for each of the next few instances in turn."""

    def __init__(self) -> None:
        self._last_instance = UUID(int=0)
        self._last_number: dict[UUID, UUID] = {}

    def choose(
        self,
        ready: Sequence[ReadyNumber],
        has_room: Callable[[Sequence[CarrierRoute]], bool],
    ) -> list[ReadyNumber]:
        """At most eight numbers of different instances whose rate and carriers have room now.

        The round goes on after the instance that was served last; an instance's own numbers take
        turns too.
        """
        by_instance: dict[UUID, list[ReadyNumber]] = {}
        for number in ready:
            if number.wait <= 0 and has_room(number.routes):
                by_instance.setdefault(number.instance_id, []).append(number)
        instances = sorted(by_instance)
        start = bisect_right(instances, self._last_instance)
        chosen = []
        for instance_id in (instances[start:] + instances[:start])[:INSTANCES_AT_ONCE]:
            number = self._next_number(instance_id, by_instance[instance_id])
            chosen.append(number)
            self._last_instance = instance_id
        return chosen

    def _next_number(self, instance_id: UUID, numbers: list[ReadyNumber]) -> ReadyNumber:
        numbers = sorted(numbers, key=lambda n: n.sending_number_id)
        last = self._last_number.get(instance_id, UUID(int=0))
        number = next((n for n in numbers if n.sending_number_id > last), numbers[0])
        self._last_number[instance_id] = number.sending_number_id
        return number
