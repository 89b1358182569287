"""How triggered messages are shown: a line in a table, or everything about one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import grpc
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.names import (
    message_category_ids,
    sending_number_ids,
    signature_ids,
    triggered_message_ids,
)
from outbound_sms.cli.output import console, facts, local_time
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import triggers_pb2


@dataclass(frozen=True, slots=True)
class Names:
    """Names by id of what triggered messages refer to; an id without a name is shown itself."""

    signatures: dict[str, str] = field(default_factory=dict)
    sending_numbers: dict[str, str] = field(default_factory=dict)
    message_categories: dict[str, str] = field(default_factory=dict)


async def read_names(client: Client) -> Names:
    """The names that the instance has."""
    return Names(
        _by_id(await signature_ids(client)),
        _by_id(await sending_number_ids(client)),
        _by_id(await message_category_ids(client)),
    )


async def read_triggered_names(client: Client) -> dict[str, str]:
    """Names of triggered messages by id; none for a key that may fire, but not read them."""
    try:
        return _by_id(await triggered_message_ids(client))
    except OutboundSmsError as error:
        if error.code() != grpc.StatusCode.PERMISSION_DENIED:
            raise
        return {}


def triggered_table(found: Iterable[triggers_pb2.TriggeredMessage]) -> Table:
    """A line for each."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("Name", "Trigger type", "For", "Enabled", "Child accounts"):
        table.add_column(column)
    for each in found:
        table.add_row(
            Text(each.name),
            Text(each.trigger_type),
            Text(condition_of(each)),
            Text("yes", "green") if each.enabled else Text("no", "dim"),
            "yes" if each.allow_child_accounts else "no",
        )
    return table


def show_triggered(message: triggers_pb2.TriggeredMessage, names: Names) -> None:
    """Prints everything about one triggered message."""
    categories = [names.message_categories.get(each, each) for each in message.message_category_ids]
    console.print(
        facts(
            (
                ("Triggered message", message.triggered_message_id),
                ("Name", message.name),
                ("Enabled", "yes" if message.enabled else "no"),
                ("Trigger type", message.trigger_type),
                ("For", condition_of(message) or "every event"),
                (
                    "Signature",
                    names.signatures.get(message.signature_id, message.signature_id)
                    or "the default for triggered messages",
                ),
                (
                    "Sending number",
                    names.sending_numbers.get(message.sending_number_id, message.sending_number_id)
                    or "the default",
                ),
                ("Child accounts", "texted too" if message.allow_child_accounts else "not texted"),
                ("Categories", ", ".join(categories)),
                ("Created", local_time(message.create_time)),
            )
        )
    )


def condition_of(message: triggers_pb2.TriggeredMessage) -> str:
    """Which events of its trigger type it is for; empty when for every one."""
    if message.HasField("count"):
        return f"count {message.count}"
    return f"job type {message.job_type}" if message.job_type else ""


def _by_id(ids: dict[str, str]) -> dict[str, str]:
    return {each: name for name, each in ids.items()}
