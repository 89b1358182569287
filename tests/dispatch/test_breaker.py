"""The circuit breaker: its states, what counts, and what a share of failures does to a weight."""

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Outcome, Refused, Throttled
from outbound_sms.dispatch.breaker import Breaker, BreakerState, Failing, failing
from outbound_sms.dispatch.recent_calls import RecentCalls

CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN


class Driven:
    """A breaker with the clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.heard: list[BreakerState] = []
        self.breaker = Breaker(self.heard.append, clock=lambda: self.now)

    def call(self, said: Failing) -> None:
        assert self.breaker.may_call
        self.breaker.end(self.breaker.begin(), said)

    def calls(self, pattern: str) -> None:
        """A call for each letter: `f` fails, `a` is answered."""
        for letter in pattern:
            self.call(Failing.YES if letter == "f" else Failing.NO)

    def fail_until_open(self) -> int:
        failures = 0
        while self.breaker.state is not OPEN:
            self.calls("f")
            failures += 1
        return failures


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Accepted("SM1"), Failing.NO),
        (Throttled(1.0, "20429"), Failing.NO),
        (Refused("NUMBER.INVALID", "21211"), Failing.NO),
        (Refused("CARRIER.CONGESTION", "30017"), Failing.NO),
        (Refused("CARRIER.SYSTEM_ERROR", "30008"), Failing.YES),
        (NotSent("refused"), Failing.YES),
        (InDoubt("timeout"), Failing.YES),
        (Refused("ACCOUNT.AUTH", "20003"), Failing.AT_ONCE),
        (Refused("ACCOUNT.SUSPENDED", "30002"), Failing.AT_ONCE),
    ],
)
def test_what_is_the_carriers_failure(outcome: Outcome, said: Failing) -> None:
    assert failing(outcome) is said


@pytest.mark.parametrize("before", ["", "a", "a" * 5000, "fffffffffa", "af" * 9])
def test_it_opens_after_few_failures_in_a_row(before: str) -> None:
    driven = Driven()
    driven.calls(before)
    assert driven.fail_until_open() <= 20
    assert driven.heard == [OPEN]
    assert not driven.breaker.may_call


def test_it_opens_when_more_than_half_of_the_calls_of_a_minute_failed_and_not_before() -> None:
    driven = Driven()
    driven.calls("af" * 500)
    assert driven.breaker.state is CLOSED
    driven.calls("f")
    assert driven.breaker.state is OPEN
    driven = Driven()
    driven.calls("fffffa" * 3)
    assert driven.breaker.state is CLOSED, "too few calls to say"
    driven.now += 60
    driven.calls("a" + "f" * 9 + "a" * 8)
    assert driven.breaker.state is CLOSED, "a minute later those do not count"
    driven.calls("ff")
    assert driven.breaker.state is OPEN


def test_a_refusal_of_our_account_opens_it_at_once() -> None:
    driven = Driven()
    driven.calls("a" * 100)
    driven.call(Failing.AT_ONCE)
    assert driven.breaker.state is OPEN


def test_it_tries_one_call_after_a_pause_that_doubles_to_a_minute() -> None:
    driven = Driven()
    driven.fail_until_open()
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        driven.now += pause - 0.01
        assert driven.breaker.state is OPEN
        driven.now += 0.01
        assert driven.breaker.state is HALF_OPEN and driven.breaker.may_call
        begun = driven.breaker.begin()
        assert not driven.breaker.may_call, "one call only"
        driven.breaker.end(begun, Failing.YES)
        assert driven.breaker.state is OPEN
    driven.now += 60
    driven.calls("a")
    assert driven.breaker.state is CLOSED and driven.breaker.healthy
    driven.calls("f")
    assert driven.breaker.state is CLOSED, "what was before does not count any more"
    driven.fail_until_open()
    driven.now += 1
    assert driven.breaker.state is HALF_OPEN, "the first pause again"


def test_what_failed_before_it_closed_does_not_open_it_again() -> None:
    driven = Driven()
    driven.calls("a" * 9 + "f" * 10)
    driven.now += 1
    driven.calls("af")
    assert driven.breaker.state is CLOSED
    assert driven.breaker.failed_share > 0.5, "but its weight stays low for a minute"


@pytest.mark.parametrize("late", [Failing.NO, Failing.YES, Failing.AT_ONCE])
def test_calls_that_were_open_when_it_opened_change_nothing(late: Failing) -> None:
    driven = Driven()
    old = [driven.breaker.begin() for _ in range(3)]
    driven.fail_until_open()
    driven.breaker.end(old[0], late)
    assert driven.breaker.state is OPEN
    driven.now += 1
    assert driven.breaker.state is HALF_OPEN
    driven.breaker.end(old[1], late)
    assert driven.breaker.state is HALF_OPEN and driven.breaker.may_call
    driven.calls("a")
    driven.breaker.end(old[2], late)
    assert driven.heard == [OPEN, HALF_OPEN, CLOSED]


def test_the_share_of_failures_is_of_the_last_minute_and_of_few_calls_small() -> None:
    driven = Driven()
    driven.calls("f")
    assert driven.breaker.failed_share == 1 / 20
    driven.calls("a" * 39 + "f" * 9)
    assert driven.breaker.failed_share == 10 / 49
    driven.now += 61
    assert driven.breaker.failed_share == 0


def test_calls_are_counted_for_a_minute() -> None:
    calls = RecentCalls()
    for second in range(120):
        calls.add(second + 0.5, failed=second % 2 == 0)
    assert calls.count(119.9) == (60, 30)
    assert calls.count(150.0) == (30, 15)
    assert calls.count(1000.0) == (0, 0)
