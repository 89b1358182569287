"""Turns: instances share the dispatcher, and the numbers of an instance share its turns."""

from collections import Counter
from uuid import UUID

from outbound_sms.dispatch.turns import ReadyNumber, Turns
from outbound_sms.domain.sending_number import alone


def number(instance: int, sender: int = 1, wait: float = 0.0, carrier: str = "a") -> ReadyNumber:
    return ReadyNumber(UUID(int=instance), UUID(int=sender), alone(carrier), wait, [])


def test_every_instance_gets_its_turn_however_many_there_are() -> None:
    turns = Turns()
    ready = [number(instance) for instance in range(1, 51)]
    served = Counter[UUID]()
    for _ in range(50):
        served.update(n.instance_id for n in turns.choose(ready, lambda _: True))
    assert set(served.values()) == {8}


def test_the_numbers_of_an_instance_take_turns_and_those_without_room_are_passed_over() -> None:
    turns = Turns()
    ready = [number(1, 1), number(1, 2), number(1, 3, wait=0.2), number(1, 4, carrier="full")]
    chosen = [turns.choose(ready, lambda routes: routes != alone("full"))[0] for _ in range(4)]
    assert [n.sending_number_id.int for n in chosen] == [1, 2, 1, 2]
