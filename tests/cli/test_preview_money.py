"""What people are told of money before and after a mass message."""

from collections.abc import Iterator
from typing import Any

import click
import pytest

from outbound_sms.cli.preview_money import money_facts, shortfall_in_words, unpaid_texts
from outbound_sms.cli.send import send
from outbound_sms.cli.settings import settings
from outbound_sms.cli.watch import watch
from outboundsms.v1 import mass_messages_pb2 as pb
from outboundsms.v1 import settings_pb2
from tests.cli.scripted import scripted, words

MASS_MESSAGE = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"


pytestmark = pytest.mark.usefixtures("plain_terminal")


def preview(shortfall: int, **more: Any) -> pb.PreviewMassMessageResponse:
    return pb.PreviewMassMessageResponse(
        recipients=1_000,
        cost_micros=15_000_000,
        available_micros=10_000_000,
        shortfall_micros=shortfall,
        currency="USD",
        **more,
    )


def test_a_shortfall_says_what_it_means_and_the_three_ways_out() -> None:
    said = shortfall_in_words(preview(5_000_001, queued_cost_micros=1))
    assert said[0] == (
        "The money will not do: about 334 of 1,000 texts would not be sent, the last ones. You can"
    )
    assert "`outbound-sms billing add-funds 6`" in said[1]
    assert "`outbound-sms billing auto-buy --on`" in said[2]
    assert "`outbound-sms messages requeue --mass-message ID`" in said[3]


def test_money_that_does_or_that_auto_buy_brings_asks_nothing_of_anybody() -> None:
    assert shortfall_in_words(preview(0)) == []
    assert shortfall_in_words(preview(5_000_000, auto_buy_covers=True)) == []


@pytest.mark.parametrize(
    ("shortfall", "unpaid"), [(1, 1), (15_000, 1), (15_000_000, 1_000), (99_000_000, 1_000)]
)
def test_unpaid_texts_are_counted_at_their_mean_price(shortfall: int, unpaid: int) -> None:
    assert unpaid_texts(preview(shortfall)) == unpaid
    assert unpaid_texts(pb.PreviewMassMessageResponse(shortfall_micros=shortfall)) == 0


def test_facts_have_what_waits_already_only_when_something_does() -> None:
    assert [name for name, _ in money_facts(preview(0))] == ["Cost", "Available"]
    facts = dict(money_facts(preview(5_000_000, queued_cost_micros=2_000_000)))
    assert facts["Paid before"] == "2.00 USD for texts that wait already"
    assert facts["Short"] == "5.00 USD"


def sends(shortfall: int) -> dict[str, Any]:
    found = settings_pb2.GetSmsSettingsResponse()
    found.settings.time_zone = "America/New_York"
    created = pb.CreateMassMessageResponse()
    created.mass_message.mass_message_id = MASS_MESSAGE
    return {
        "Settings.GetSmsSettings": found,
        "MassMessages.PreviewMassMessage": preview(shortfall),
        "MassMessages.CreateMassMessage": created,
    }


ARGUMENTS = ("UNPLANNED_OUTAGE_NO_ETA", "--start", "now", "--all-accounts")


async def test_yes_sends_though_the_money_will_not_do_and_says_so() -> None:
    async with scripted(sends(5_000_000)) as terminal:
        ran = await terminal.run(send, *ARGUMENTS, "--yes")
        unasked = await terminal.run(send, *ARGUMENTS)
        assert len(terminal.requests("MassMessages.CreateMassMessage")) == 1
    assert ran.exit_code == 0, ran.output
    assert "Short 5.00 USD" in words(ran.output)
    assert "The money will not do: about 334 of 1,000 texts" in words(ran.output)
    assert f"Accepted: mass message {MASS_MESSAGE}" in ran.output
    assert unasked.exit_code == 2


@pytest.mark.parametrize(
    ("shortfall", "question"),
    [(5_000_000, "Send it anyway, about 334 texts without money?"), (0, "Send it?")],
)
async def test_who_can_be_asked_is_asked_with_what_it_means(
    shortfall: int, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_more: Any) -> bool:
        asked.append(text)
        raise click.Abort

    monkeypatch.setattr(click, "confirm", confirm)
    monkeypatch.setattr("outbound_sms.cli.send.sys", TerminalInput())
    async with scripted(sends(shortfall)) as terminal:
        ran = await terminal.run(send, *ARGUMENTS)
        assert not terminal.requests("MassMessages.CreateMassMessage")
    assert (ran.exit_code, asked) == (1, [question])


class TerminalInput:
    """Stands for `sys`, its input a terminal."""

    @property
    def stdin(self) -> "TerminalInput":
        return self

    def isatty(self) -> bool:
        return True


async def test_the_end_of_a_send_says_what_was_not_sent_and_what_sends_it() -> None:
    def progress(unfunded: int) -> Iterator[Any]:
        message = pb.MassMessage(
            mass_message_id=MASS_MESSAGE,
            state=pb.MASS_MESSAGE_STATE_FINISHED,
            progress=pb.MassMessageProgress(
                recipients=1_000, sent=1_000 - unfunded, insufficient_funds=unfunded
            ),
        )
        yield pb.WatchMassMessageResponse(mass_message=message)

    async def unfunded(_request: Any, _context: Any) -> Any:
        for each in progress(334):
            yield each

    async def funded(_request: Any, _context: Any) -> Any:
        for each in progress(0):
            yield each

    async with scripted({"MassMessages.WatchMassMessage": [unfunded, funded]}) as terminal:
        ran = await terminal.run(watch, MASS_MESSAGE)
        all_sent = await terminal.run(watch, MASS_MESSAGE)
    assert "334 texts were not sent for lack of funds." in ran.output
    assert f"`outbound-sms messages requeue --mass-message {MASS_MESSAGE}` sends" in ran.output
    assert "funds" not in all_sent.output


async def test_the_low_funds_threshold_is_set_and_shown() -> None:
    answer = settings_pb2.UpdateSmsSettingsResponse()
    answer.settings.low_funds_threshold_micros = 20_500_000
    answer.settings.currency = "USD"
    async with scripted({"Settings.UpdateSmsSettings": answer}) as terminal:
        ran = await terminal.run(settings, "set", "--low-funds-threshold", "20.50")
        (asked,) = terminal.requests("Settings.UpdateSmsSettings")
    assert list(asked.update_mask.paths) == ["low_funds_threshold_micros"]
    assert asked.settings.low_funds_threshold_micros == 20_500_000
    assert "Low funds warns below 20.50 USD" in words(ran.output)
