"""The progress of a mass message, live in a terminal, line by line elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.billing.words import ADD_FUNDS, REQUEUE
from outbound_sms.cli.output import STATUS_STYLES, console, errors, print_json, seconds_of, span
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import mass_messages_pb2

STATES = {
    mass_messages_pb2.MASS_MESSAGE_STATE_EXPANDING: "Making texts",
    mass_messages_pb2.MASS_MESSAGE_STATE_SENDING: "Sending",
    mass_messages_pb2.MASS_MESSAGE_STATE_PAUSED: "Paused",
    mass_messages_pb2.MASS_MESSAGE_STATE_CANCELLED: "Cancelled",
    mass_messages_pb2.MASS_MESSAGE_STATE_FINISHED: "Finished",
}
BAR_WIDTH = 20
SECONDS_BETWEEN_LINES = 1.0


class ProgressView:
    """Shows a mass message as it changes; use it with `with`.

    In a terminal the picture is redrawn in place. Elsewhere a line is written once a second at
    most, and at each change of state, so that a log of it can be read.
    """

    def __init__(self) -> None:
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._last: mass_messages_pb2.MassMessage | None = None
        self._written_state = 0
        self._written_time = 0.0
        self._written: mass_messages_pb2.MassMessage | None = None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._last is not None and self._last != self._written:
            self._write(self._last)

    def update(self, message: mass_messages_pb2.MassMessage) -> None:
        """Shows how the mass message stands now."""
        self._last = message
        if self._live is not None:
            self._live.update(_picture(message))
            return
        due = time.monotonic() - self._written_time >= SECONDS_BETWEEN_LINES
        if due or message.state != self._written_state:
            self._write(message)

    def interrupted(self, error: OutboundSmsError, seconds: float) -> None:
        """Says that the stream broke and when it is opened again."""
        say_interrupted(error, seconds)

    def _write(self, message: mass_messages_pb2.MassMessage) -> None:
        self._written, self._written_state = message, message.state
        self._written_time = time.monotonic()
        counts = ", ".join(f"{name.lower()} {count:,}" for name, count in _counts(message))
        console.print(f"{_headline(message)}; {counts}{_pace(message)}", soft_wrap=True)


async def follow(client: Client, mass_message_id: str, *, as_json: bool) -> None:
    """Shows a mass message until it is finished or cancelled, or prints each answer as JSON."""
    if as_json:
        async for message in client.watch_mass_message(
            mass_message_id, on_interruption=say_interrupted
        ):
            print_json(message)
        return
    last: mass_messages_pb2.MassMessage | None = None
    with ProgressView() as view:
        async for message in client.watch_mass_message(
            mass_message_id, on_interruption=view.interrupted
        ):
            view.update(message)
            last = message
    if last is not None:
        for line in unfunded_in_words(last):
            console.print(Text(line, "yellow"), soft_wrap=True)


def unfunded_in_words(message: mass_messages_pb2.MassMessage) -> list[str]:
    """How many texts were not sent for lack of funds and what sends them; nothing when all were."""
    count = message.progress.insufficient_funds
    if not count:
        return []
    texts = "text was" if count == 1 else "texts were"
    return [
        f"{count:,} {texts} not sent for lack of funds. `{ADD_FUNDS} AMOUNT` adds some, then",
        f"`{REQUEUE} --mass-message {message.mass_message_id}` sends them.",
    ]


def say_interrupted(error: OutboundSmsError, seconds: float) -> None:
    """Tells on stderr, so that what is piped on stays clean."""
    why = error.reason or "the connection broke"
    errors.print(Text(f"Stream interrupted ({why}); again in {seconds:.1f} s", "yellow"))


def _picture(message: mass_messages_pb2.MassMessage) -> Group:
    done, total = _done(message), message.progress.recipients
    line = Table.grid(padding=(0, 1))
    line.add_row(
        Text(STATES.get(message.state, "Mass message"), "bold"),
        ProgressBar(total=max(total, 1), completed=done, width=BAR_WIDTH),
        Text(f"{done:,} of {total:,}{_pace(message)}"),
    )
    counts = Text("  ").join(
        Text(f"{name} {count:,}", STATUS_STYLES.get(name, "")) for name, count in _counts(message)
    )
    return Group(line, counts)


def _headline(message: mass_messages_pb2.MassMessage) -> str:
    state = STATES.get(message.state, "Mass message")
    return f"{state}: {_done(message):,} of {message.progress.recipients:,} handed over"


def _done(message: mass_messages_pb2.MassMessage) -> int:
    """Texts that the carrier has, or will never get; what lacks money can still be requeued."""
    progress = message.progress
    waiting = progress.pending + progress.in_progress + progress.insufficient_funds
    return int(progress.recipients - waiting)


def _counts(message: mass_messages_pb2.MassMessage) -> list[tuple[str, int]]:
    progress = message.progress
    counts = [
        ("Pending", progress.pending),
        ("In progress", progress.in_progress),
        ("Sent", progress.sent),
        ("Delivered", progress.delivered),
        ("Failed", progress.failed),
    ]
    if progress.insufficient_funds:
        counts.append(("Insufficient funds", progress.insufficient_funds))
    return counts


def _pace(message: mass_messages_pb2.MassMessage) -> str:
    progress = message.progress
    rate = progress.segments_per_second
    text = f"; {rate:,.0f} segments/s" if rate else ""
    if progress.HasField("time_left"):
        text += f"; {span(seconds_of(progress.time_left))} left"
    return text
