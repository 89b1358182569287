"""Long texts that stop half way: never silently half sent, and no part twice."""

from collections import Counter

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Refused, Throttled
from outbound_sms.clock import lease_clock
from tests.carriers.harness import MakeSubmission
from tests.carriers.smpp.conftest import Bound
from tests.carriers.smpp.npm_smsc import NpmSmsc

THREE_PARTS = "".join(f"{n:03}" for n in range(120))


def parts_seen(smsc: NpmSmsc) -> list[str]:
    """The number of the part in each submit_sm that came, in order."""
    return [came["udh"][-1][-2:] for came in smsc.of("submit")]


async def test_a_part_that_is_throttled_is_repeated_until_it_is_accepted(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=[0, 0x58, 0x14, 0, 0])
    async with bound() as carrier:
        outcome = await carrier.submit(submission(body=THREE_PARTS))
    assert isinstance(outcome, Accepted)
    assert len(outcome.parts) == 3
    assert parts_seen(smsc) == ["01", "02", "02", "02", "03"]


async def test_a_first_part_that_is_throttled_gives_the_text_back(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=[0x58])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission(body=THREE_PARTS)), Throttled)
    assert parts_seen(smsc) == ["01"]


async def test_a_part_that_no_time_is_left_for_puts_the_text_in_doubt(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=[0, 0x58, 0x58, 0x58, 0x58])
    async with bound() as carrier:
        text = submission(body=THREE_PARTS, start_by=lease_clock() + 0.25)
        assert isinstance(await carrier.submit(text), InDoubt)
    assert Counter(parts_seen(smsc))["01"] == 1
    assert "03" not in parts_seen(smsc)


async def test_a_part_that_is_refused_after_another_refuses_the_text(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=[0, 0x0B])
    async with bound() as carrier:
        outcome = await carrier.submit(submission(body=THREE_PARTS))
    assert outcome == Refused("NUMBER.INVALID", "ESME_RINVDSTADR")
    assert parts_seen(smsc) == ["01", "02"]


@pytest.mark.parametrize("status", [0x45, 0x0E])
async def test_a_part_that_may_be_taken_later_never_gives_back_what_has_begun(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, status: int
) -> None:
    """ESME_RSUBMITFAIL and ESME_RINVPASWD: of a whole text both would mean "try again"."""
    await smsc.set(answers=[0, status, 0, 0])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission(body=THREE_PARTS)), Accepted)
        await smsc.until("submit", 4)
        assert parts_seen(smsc) == ["01", "02", "02", "03"]
        await smsc.set(answers=[0], otherwise=status)
        text = submission(body=THREE_PARTS, start_by=lease_clock() + 0.5)
        assert isinstance(await carrier.submit(text), InDoubt)


@pytest.mark.parametrize("end", ["drop", "unbind"])
async def test_a_part_that_was_written_is_not_written_again(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, end: str
) -> None:
    await smsc.set(answers=[0, end])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission(body=THREE_PARTS)), InDoubt)
    assert parts_seen(smsc) == ["01", "02"]


async def test_a_part_goes_on_over_the_next_session_when_it_was_not_written(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    # ESME_RSYSERR: surely not taken, and the answer comes before the socket goes.
    await smsc.set(answers=[0, 0x08, 0, 0])
    async with bound() as carrier:
        outcome = await carrier.submit(submission(body=THREE_PARTS))
    assert isinstance(outcome, Accepted)
    assert parts_seen(smsc) == ["01", "02", "02", "03"]


async def test_a_text_that_no_part_was_written_of_is_not_sent(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=[0x08])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission(body=THREE_PARTS)), NotSent)
