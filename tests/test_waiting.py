"""The waiter that other tests rely on."""

import pytest

from tests.waiting import wait_until


async def test_it_returns_the_first_true_answer_of_a_plain_or_an_async_function() -> None:
    answers = iter([0, None, "", "yes", "later"])

    async def ask() -> object:
        return next(answers)

    assert await wait_until(ask) == "yes"
    assert await wait_until(lambda: next(answers)) == "later"


async def test_it_gives_up_with_a_description_and_the_last_answer() -> None:
    with pytest.raises(AssertionError, match=r"three rows: not within 0\.05 s; last answer 0"):
        await wait_until(lambda: 0, timeout=0.05, describe="three rows")
