"""How messages, and what holds them, look in a terminal."""

from rich.table import Table
from rich.text import Text

from outbound_sms.cli.output import console, facts, local_time, styled_status
from outbound_sms.cli.quiet_hours_words import evidence_in_words
from outbound_sms.domain.money_text import show_micros
from outboundsms.v1 import delivery_pb2

HOLDS = {
    delivery_pb2.HOLD_REASON_QUIET_HOURS: "quiet hours",
    delivery_pb2.HOLD_REASON_SMS_DISABLED: "sending is off",
    delivery_pb2.HOLD_REASON_SENDING_NUMBER_DISABLED: "sending number disabled",
    delivery_pb2.HOLD_REASON_MASS_MESSAGE_PAUSED: "mass message paused",
    delivery_pb2.HOLD_REASON_TOP_UP: "automatic top-up under way",
    delivery_pb2.HOLD_REASON_SENDING_LIMIT: "sending limit reached",
    delivery_pb2.HOLD_REASON_SURGE: "many times the usual",
}


NARROW = 100
"""Columns of a terminal below which a message takes more than a line."""


def message_table() -> Table:
    """An empty table of sent messages. What a narrow terminal has no room for goes on a line below:
    a number or a reason that is cut off is none."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    widths = {"Created": 10, "Recipient": 11, "Number": None, "Status": 9, "Reason": 9}
    for column, narrow in widths.items():
        most = narrow if console.width < NARROW else None
        table.add_column(column, overflow="fold", max_width=most, no_wrap=narrow is None)
    table.add_column("Segments", justify="right", min_width=8)
    table.add_column("Cost", justify="right", min_width=9)
    return table


def add_message(table: Table, message: delivery_pb2.Message) -> None:
    """Adds a row to `message_table`."""
    table.add_row(
        local_time(message.create_time),
        Text(message.recipient_name).append(f" {message.contact_type}", "dim"),
        message.phone_number,
        _status(message),
        reason_of(message),
        str(message.billable_segments),
        show_micros(message.cost_micros, message.currency),
    )


def reason_of(message: delivery_pb2.Message) -> str:
    """The reject reason as `GROUP.CODE`, empty unless the message failed."""
    reason = message.reject_reason
    return f"{reason.group}.{reason.code}" if message.HasField("reject_reason") else ""


def hold_of(message: delivery_pb2.Message) -> str:
    """What holds the message, until when where that is known; empty unless something does."""
    if not message.HasField("hold"):
        return ""
    said = HOLDS.get(message.hold.reason)
    if said is None:
        # A server newer than this command.
        return message.hold.text
    released = message.hold.HasField("release_time")
    return f"{said} until {local_time(message.hold.release_time)}" if released else said


def show_details(answer: delivery_pb2.GetMessageResponse) -> None:
    """Prints a message with its text, its history and what the carrier answered."""
    console.print(facts(_facts(answer.message)))
    console.print(Text(f"\n{answer.body.text}\n"))
    for change in answer.history:
        line = Text(f"{local_time(change.event_time)}  ", "dim")
        console.print(line.append_text(styled_status(change.status)))
    for attempt in answer.attempts:
        outcome = delivery_pb2.AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_")
        line = Text(f"{local_time(attempt.submit_time)}  attempt {attempt.number}: ", "dim")
        line.append(f"{attempt.carrier} {outcome.lower().replace('_', ' ')}")
        console.print(line.append(f" {attempt.carrier_message_id}", "dim"))


def _facts(message: delivery_pb2.Message) -> list[tuple[str, str]]:
    rows = [
        ("Message", message.message_id),
        ("To", ", ".join(filter(None, (message.recipient_name, message.phone_number)))),
        ("Of", message.related_entity.name or "nobody on record"),
        ("Status", _status(message).plain),
        ("Reason", message.reject_reason.text or reason_of(message) or "none"),
        ("Segments", str(message.billable_segments)),
        ("Cost", show_micros(message.cost_micros, message.currency)),
    ]
    if message.HasField("hold"):
        rows.append(("Held", message.hold.text))
    if message.HasField("quiet_hours_evidence"):
        rows.append(("Quiet hours", evidence_in_words(message.quiet_hours_evidence)))
    return rows


def _status(message: delivery_pb2.Message) -> Text:
    """The status, and what holds a Pending message."""
    status = styled_status(message.status)
    held = hold_of(message)
    return status.append(f", {held}", "yellow") if held else status
