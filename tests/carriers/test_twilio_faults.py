"""Where a connection to a Twilio-compatible carrier breaks, what that is taken for, and whether the
carrier has the text: only what it surely does not have may be handed over again."""

from collections.abc import Callable

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Outcome
from tests.carriers.harness import Connect, MakeSubmission, Sandbox
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.waiting import wait_until

Break = Callable[[FaultProxy, int, int], None]
"""Breaks what a proxy passes on; it is told the bytes of a request and of its response."""


def reset_request(share: float, more: int = 0) -> Break:
    def do(proxy: FaultProxy, request: int, _: int) -> None:
        proxy.requests.reset_after = int(share * request) + more

    return do


def hang_request(share: float) -> Break:
    def do(proxy: FaultProxy, request: int, _: int) -> None:
        proxy.requests.hang_after = int(share * request)

    return do


def on_response(what: str, share: float) -> Break:
    def do(proxy: FaultProxy, _: int, response: int) -> None:
        setattr(proxy.responses, what, int(share * response))

    return do


def delay(proxy: FaultProxy, _: int, __: int) -> None:
    proxy.requests.latency = proxy.responses.latency = 0.1


# Reset after all bytes of the request: the carrier has the text, and nobody here knows.
CASES: dict[str, tuple[Break, type[Outcome], int]] = {
    "a slow connection": (delay, Accepted, 1),
    "reset before the request": (reset_request(0), InDoubt, 0),
    "reset after a byte of the request": (reset_request(0, 1), InDoubt, 0),
    "reset in the middle of the request": (reset_request(0.5), InDoubt, 0),
    "reset before the last byte of the request": (reset_request(1, -1), InDoubt, 0),
    "reset after the request": (reset_request(1), InDoubt, 1),
    "hangs before the request": (hang_request(0), InDoubt, 0),
    "hangs in the middle of the request": (hang_request(0.5), InDoubt, 0),
    "hangs after the request": (on_response("hang_after", 0), InDoubt, 1),
    "hangs in the middle of the response": (on_response("hang_after", 0.5), InDoubt, 1),
    "reset before the response": (on_response("reset_after", 0), InDoubt, 1),
    "reset in the middle of the response": (on_response("reset_after", 0.5), InDoubt, 1),
    "ends before the response": (on_response("end_after", 0), InDoubt, 1),
    "ends in the middle of the response": (on_response("end_after", 0.5), InDoubt, 1),
    "ends before the last byte of the response": (on_response("end_after", 0.999), InDoubt, 1),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_broken_connection_is_taken_for_what_it_is(
    name: str, sandbox: Sandbox, connect: Connect, submission: MakeSubmission
) -> None:
    break_it, expected, has_it = CASES[name]
    text = submission()
    async with fault_proxy(sandbox.url) as proxy:
        async with connect(proxy.url) as carrier:
            assert isinstance(await carrier.submit(text), Accepted)
        request, response = proxy.requests.passed, proxy.responses.passed
        break_it(proxy, request, response)
        async with connect(proxy.url, total_timeout=0.6, connect_timeout=0.3) as carrier:
            outcome = await carrier.submit(text)
        assert isinstance(outcome, expected), outcome
        assert proxy.connections == 2, "the text was offered once"

        async def as_expected() -> bool:
            return len(await sandbox.accepted()) == 1 + has_it

        await wait_until(as_expected, 5, f"the carrier has it {has_it} times")


async def test_a_carrier_that_is_down_is_never_reached_and_takes_texts_when_it_is_back(
    sandbox: Sandbox, connect: Connect, submission: MakeSubmission
) -> None:
    async with fault_proxy(sandbox.url) as proxy, connect(proxy.url) as carrier:
        await proxy.down()
        assert isinstance(await carrier.submit(submission()), NotSent)
        assert await sandbox.accepted() == []
        await proxy.up()
        assert isinstance(await carrier.submit(submission()), Accepted)
        assert len(await sandbox.accepted()) == 1
