"""`outbound-sms admin permissions`: what a role can be given, and how it is written."""

import difflib

import click
from rich.table import Table

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json
from outboundsms import Client
from outboundsms.v1 import access_pb2, permission_pb2

_PREFIX = "PERMISSION_"
_EVERYBODYS = frozenset({"UNSPECIFIED", "ANY_CALLER"})


@click.group()
def permissions() -> None:
    """Shows what roles can be given."""


@permissions.command("list", epilog="Example: outbound-sms admin permissions list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def list_permissions(connection: Connection, as_json: bool) -> None:
    """Lists the permissions that a role of the instance can be given."""

    async def work(client: Client) -> None:
        answer = await client.access.ListPermissions(access_pb2.ListPermissionsRequest())
        if as_json:
            print_json(answer)
            return
        table = Table(box=None, header_style="dim", pad_edge=False)
        table.add_column("Permission", no_wrap=True)
        table.add_column("Allows")
        for each in answer.permissions:
            table.add_row(show_permission(each.permission), each.label)
        console.print(table)

    connection.run(work)


def show_permission(value: permission_pb2.Permission.ValueType) -> str:
    """CREATE_SMS_MESSAGE for PERMISSION_CREATE_SMS_MESSAGE; a number that is newer as it is."""
    try:
        return permission_pb2.Permission.Name(value).removeprefix(_PREFIX)
    except ValueError:
        return str(value)


def parse_permission(option: str, text: str) -> permission_pb2.Permission.ValueType:
    """The permission of a name, whatever its case, hyphens and prefix. Raises UsageError."""
    name = text.strip().upper().replace("-", "_").removeprefix(_PREFIX)
    known = {each.removeprefix(_PREFIX) for each in permission_pb2.Permission.keys()} - _EVERYBODYS  # noqa: SIM118
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"Is it one of: {', '.join(near)}?" if near else ""
        raise click.UsageError(
            f"{option}: there is no permission {text!r}. {hint} `outbound-sms admin permissions "
            "list` has them all."
        )
    return permission_pb2.Permission.Value(_PREFIX + name)
