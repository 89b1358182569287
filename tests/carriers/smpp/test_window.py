"""The window itself: who gets in, who is given up, and what late answers are for."""

import asyncio
from uuid import uuid4

from outbound_sms.carriers.carrier import InDoubt, Submitted
from outbound_sms.carriers.smpp.window import Window

RECIPIENT = "+14165550123"


def submitted() -> Submitted:
    return Submitted(uuid4(), 1, 1, 1)


async def test_all_who_wait_get_in_when_there_is_room_for_all() -> None:
    loop = asyncio.get_running_loop()
    window = Window(3, 10.0, lambda: None)
    inside: list[int] = []

    async def enter(number: int) -> None:
        await window.room(loop.time() + 5)
        window.add(number, submitted(), RECIPIENT)
        inside.append(number)

    waiting = [asyncio.create_task(enter(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    window.let_in()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    assert inside == [1, 2, 3]
    assert window.full
    assert window.end() == 3


async def test_the_oldest_are_given_up_first_and_their_late_answers_are_known() -> None:
    told: list[int] = []
    window = Window(10, 0.05, lambda: told.append(len(window)))
    first = submitted()
    one = window.add(1, first, RECIPIENT)
    await asyncio.sleep(0.03)
    two = window.add(2, submitted(), RECIPIENT)
    assert isinstance(await one.outcome, InDoubt)
    assert not two.outcome.done()
    assert isinstance(await two.outcome, InDoubt)
    assert told == [1, 0]
    assert window.take(1) is None
    assert window.take_late(1) == first
    assert window.take_late(1) is None


async def test_nobody_waits_for_room_longer_than_said() -> None:
    loop = asyncio.get_running_loop()
    window = Window(1, 10.0, lambda: None)
    window.add(1, submitted(), RECIPIENT)
    assert window.holds(RECIPIENT)
    await asyncio.wait_for(window.room(loop.time() + 0.02), 1)
    assert window.full
    assert window.end() == 1
    assert not window.holds(RECIPIENT)
