"""What commands print: tables and sentences for people, JSON for programs."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outboundsms.v1 import body_pb2, delivery_pb2

STATUS_NAMES: dict[int, str] = {
    delivery_pb2.MESSAGE_STATUS_PENDING: "Pending",
    delivery_pb2.MESSAGE_STATUS_IN_PROGRESS: "In progress",
    delivery_pb2.MESSAGE_STATUS_SENT: "Sent",
    delivery_pb2.MESSAGE_STATUS_DELIVERED: "Delivered",
    delivery_pb2.MESSAGE_STATUS_FAILED: "Failed",
    delivery_pb2.MESSAGE_STATUS_INSUFFICIENT_FUNDS: "Insufficient funds",
}
STATUS_STYLES = {
    "Pending": "dim",
    "In progress": "cyan",
    "Sent": "blue",
    "Delivered": "green",
    "Failed": "red",
    "Insufficient funds": "yellow",
}
ENCODINGS: dict[int, str] = {body_pb2.ENCODING_GSM7: "GSM-7", body_pb2.ENCODING_UCS2: "UCS-2"}

console = Console(highlight=False)
errors = Console(highlight=False, stderr=True)


def print_json(value: Message | dict[str, object]) -> None:
    """One line of JSON. A message of the contract is written as ProtoJSON, with its field names."""
    if isinstance(value, Message):
        value = MessageToDict(
            value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
    click.echo(json.dumps(value, ensure_ascii=False))


def plain_line(text: str) -> None:
    """A sentence as it is, dimmed where there are colours, and never wrapped."""
    console.print(Text(text, "dim"), soft_wrap=True)


def status_name(status: int) -> str:
    """The status as people know it."""
    return STATUS_NAMES.get(status, f"Status {status}")


def styled_status(status: int) -> Text:
    """The status in its colour, where there are colours."""
    name = status_name(status)
    return Text(name, STATUS_STYLES.get(name, ""))


def span(seconds: float) -> str:
    """A time span in the two largest units that say something, for example `1 h 20 min`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {left} s"
    return f"{whole} s" if whole >= 1 else "less than 1 s"


def seconds_of(duration: Duration) -> float:
    """The duration in seconds."""
    return float(duration.seconds) + duration.nanos / 1e9


def local_time(stamp: Timestamp) -> str:
    """The moment in this machine's time zone, to the second."""
    moment: datetime = stamp.ToDatetime(UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def print_whole(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line, for what is to be copied, such as a secret that is shown once:
    nothing is cut off or broken, however narrow the terminal."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(Text.assemble((name.ljust(width), "dim"), "  ", value), soft_wrap=True)


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values, one a line. Values are shown as they are, brackets included."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows:
        table.add_row(name, Text(value))
    return table
