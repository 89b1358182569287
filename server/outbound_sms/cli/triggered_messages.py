"""`outbound-sms trigger create`, `list`, `show`, `update` and `delete`: which events are texted."""

import shlex
from collections.abc import Callable
from typing import Any

import click
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import (
    LARGEST_PAGE,
    id_of,
    ids_of,
    message_category_ids,
    pages,
    sending_number_ids,
    signature_ids,
    triggered_message_ids,
)
from outbound_sms.cli.output import console, plain_line, print_json
from outbound_sms.cli.trigger_show import read_names, show_triggered, triggered_table
from outbound_sms.cli.trigger_types import COUNT, trigger_key
from outboundsms import Client
from outboundsms.v1 import triggers_pb2


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """What can be said when a triggered message is created and later."""
    for option in reversed(
        (
            click.option(
                "--enable/--disable", "enabled", default=None, help="Whether events make texts."
            ),
            click.option("--count", type=COUNT, help="Count that an event must have."),
            click.option("--job-type", help="Type of job that an event must have."),
            click.option("--signature", help="Signature, by name or id; '' for the default."),
            click.option("--sending-number", help="Number, E.164 or id; '' for the default."),
            click.option(
                "--allow-child-accounts/--no-child-accounts",
                default=None,
                help="Whether accounts that have a parent account are texted too.",
            ),
            click.option(
                "--message-category",
                multiple=True,
                help="Contacts that have one of these are texted, by name or id. "
                "[default: the default categories]",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        )
    ):
        command = option(command)
    return command


@click.command(
    "create",
    epilog="""\b
Examples:
  outbound-sms trigger create "Due in 3 days" --type INVOICE_DUE_IN_X_DAYS --count 3 --enable
  outbound-sms trigger create Installation --type JOB_SCHEDULED --job-type Install \\
    --signature Support --message-category General
""",
)
@click.argument("name")
@click.option("--type", "trigger_type", required=True, help="Key that `trigger types` lists.")
@_options
@connected
def create(
    connection: Connection, name: str, trigger_type: str, as_json: bool, **given: Any
) -> None:
    """Says that events of a type are texted, and how. Disabled, unless --enable is given."""

    async def work(client: Client) -> None:
        message = triggers_pb2.TriggeredMessage(name=name, trigger_type=trigger_key(trigger_type))
        await _fill(client, message, given)
        request = triggers_pb2.CreateTriggeredMessageRequest(triggered_message=message)
        answer = await client.triggers.CreateTriggeredMessage(request)
        await _show(client, answer.triggered_message, as_json)

    connection.run(work)


@click.command("list", epilog="Example: outbound-sms trigger list --type PAYMENT_FAILURE")
@click.option("--type", "trigger_type", default="", help="Only those of this trigger type.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
@connected
def list_triggered(connection: Connection, trigger_type: str, as_json: bool) -> None:
    """Lists triggered messages, oldest first."""

    async def work(client: Client) -> None:
        request = triggers_pb2.ListTriggeredMessagesRequest(
            page_size=LARGEST_PAGE, trigger_type=trigger_key(trigger_type)
        )
        found = [
            each
            async for page in pages(client.triggers.ListTriggeredMessages, request)
            for each in page.triggered_messages
        ]
        if as_json:
            for each in found:
                print_json(each)
        elif found:
            console.print(triggered_table(found))
        else:
            console.print("There are none. `outbound-sms trigger create --help` shows how.")

    connection.run(work)


@click.command("show", epilog='Example: outbound-sms trigger show "Due in 3 days"')
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show(connection: Connection, name: str, as_json: bool) -> None:
    """Shows one triggered message, by name or id."""

    async def work(client: Client) -> None:
        request = triggers_pb2.GetTriggeredMessageRequest(
            triggered_message_id=await id_of(client, "NAME", name, triggered_message_ids)
        )
        answer = await client.triggers.GetTriggeredMessage(request)
        await _show(client, answer.triggered_message, as_json)

    connection.run(work)


@click.command(
    "update",
    epilog="""\b
Examples:
  outbound-sms trigger update "Due in 3 days" --disable
  outbound-sms trigger update "Due in 3 days" --name "Due in 5 days" --count 5
""",
)
@click.argument("name")
@click.option("--name", "new_name", help="New name.")
@_options
@connected
def update(
    connection: Connection, name: str, new_name: str | None, as_json: bool, **given: Any
) -> None:
    """Changes what is given of a triggered message, by name or id; the rest stays.

    Texts that were made already go out as they are.
    """

    async def work(client: Client) -> None:
        message = triggers_pb2.TriggeredMessage()
        paths = await _fill(client, message, given)
        if new_name is not None:
            message.name = new_name
            paths.append("name")
        if not paths:
            raise click.UsageError("Nothing to change. Give --enable, --count or another option.")
        message.triggered_message_id = await id_of(client, "NAME", name, triggered_message_ids)
        request = triggers_pb2.UpdateTriggeredMessageRequest(
            triggered_message=message, update_mask=FieldMask(paths=paths)
        )
        answer = await client.triggers.UpdateTriggeredMessage(request)
        await _show(client, answer.triggered_message, as_json)

    connection.run(work)


@click.command("delete", epilog='Example: outbound-sms trigger delete "Due in 3 days" --yes')
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def delete(connection: Connection, name: str, yes: bool, as_json: bool) -> None:
    """Deletes a triggered message, by name or id. Texts that were made already go out."""

    async def work(client: Client) -> None:
        found = await id_of(client, "NAME", name, triggered_message_ids)
        confirm(f"Delete {name}?", yes=yes, as_json=as_json)
        request = triggers_pb2.DeleteTriggeredMessageRequest(triggered_message_id=found)
        await client.triggers.DeleteTriggeredMessage(request)
        if as_json:
            print_json({"triggered_message_id": found})
        else:
            console.print(f"Deleted: triggered message {found}")

    connection.run(work)


async def _fill(
    client: Client, message: triggers_pb2.TriggeredMessage, given: dict[str, Any]
) -> list[str]:
    """Writes what was given into the message, names looked up; returns the fields written."""
    paths = []
    for name in ("enabled", "count", "job_type", "allow_child_accounts"):
        if given[name] is not None:
            setattr(message, name, given[name])
            paths.append(name)
    for name, known in (("signature", signature_ids), ("sending_number", sending_number_ids)):
        if given[name] is not None:
            found = await id_of(client, f"--{name.replace('_', '-')}", given[name], known)
            setattr(message, f"{name}_id", found)
            paths.append(f"{name}_id")
    if given["message_category"]:
        message.message_category_ids.extend(
            await ids_of(
                client, "--message-category", given["message_category"], message_category_ids
            )
        )
        paths.append("message_category_ids")
    return paths


async def _show(client: Client, message: triggers_pb2.TriggeredMessage, as_json: bool) -> None:
    if as_json:
        print_json(message)
        return
    show_triggered(message, await read_names(client))
    if not message.enabled:
        name = shlex.quote(message.name)
        plain_line(f"To text such events: outbound-sms trigger update {name} --enable")
