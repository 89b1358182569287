"""`outbound-sms admin roles`: names for sets of permissions."""

import click
from google.protobuf.field_mask_pb2 import FieldMask
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.admin.permissions import parse_permission, show_permission
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, ids_of, pages
from outbound_sms.cli.output import console, facts, print_json
from outboundsms import Client
from outboundsms.v1 import access_pb2


@click.group()
def roles() -> None:
    """Manages the roles of the instance."""


@roles.command("list", epilog="Example: outbound-sms admin roles list")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each role.")
@connected
def list_roles(connection: Connection, as_json: bool) -> None:
    """Lists roles with their permissions, oldest first."""

    async def work(client: Client) -> None:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("Role", "Name", "Permissions"):
            table.add_column(column, no_wrap=column == "Role")
        for role in await _read_roles(client):
            if as_json:
                print_json(role)
            else:
                table.add_row(role.role_id, Text(role.name), _permissions_of(role))
        if not as_json:
            console.print(table)

    connection.run(work)


@roles.command(
    "create",
    epilog="""\b
Examples:
  outbound-sms admin roles create Billing --permission CREATE_SMS_MESSAGE \\
    --permission READ_SMS_MESSAGE
  outbound-sms admin roles create Administrators --super-admin
""",
)
@click.argument("name")
@click.option("--permission", "names", multiple=True, help="What it allows; repeat for more.")
@click.option("--super-admin", is_flag=True, help="Everything, permissions to come included.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def create_role(
    connection: Connection, name: str, names: tuple[str, ...], super_admin: bool, as_json: bool
) -> None:
    """Creates a role. Nobody gives more than their own role has."""
    given = [parse_permission("--permission", each) for each in names]

    async def work(client: Client) -> None:
        role = access_pb2.Role(name=name, permissions=given, super_admin=super_admin)
        answer = await client.access.CreateRole(access_pb2.CreateRoleRequest(role=role))
        _show(answer.role, as_json)

    connection.run(work)


@roles.command(
    "update",
    epilog="""\b
Examples:
  outbound-sms admin roles update Billing --add READ_CONTACT --remove DELETE_SMS_MESSAGE
  outbound-sms admin roles update Billing --name "Billing system"
""",
)
@click.argument("role")
@click.option("--name", "new_name", help="New name.")
@click.option("--add", multiple=True, help="Permission to give; repeat for more.")
@click.option("--remove", multiple=True, help="Permission to take; repeat for more.")
@click.option("--super-admin/--no-super-admin", default=None, help="Everything, or what is listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def update_role(
    connection: Connection,
    role: str,
    new_name: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    super_admin: bool | None,
    as_json: bool,
) -> None:
    """Changes what is given of ROLE, by name or id. Calls with its keys follow within 5 seconds."""
    given = {parse_permission("--add", each) for each in add}
    taken = {parse_permission("--remove", each) for each in remove}

    async def work(client: Client) -> None:
        changed, mask = await _find_role(client, role), FieldMask()
        if new_name is not None:
            changed.name = new_name
            mask.paths.append("name")
        if given or taken:
            kept = [each for each in changed.permissions if each not in taken | given]
            changed.permissions[:] = [*kept, *sorted(given)]
            mask.paths.append("permissions")
        if super_admin is not None:
            changed.super_admin = super_admin
            mask.paths.append("super_admin")
        if not mask.paths:
            raise click.UsageError("Say what to change: --name, --add, --remove or --super-admin.")
        request = access_pb2.UpdateRoleRequest(role=changed, update_mask=mask)
        _show((await client.access.UpdateRole(request)).role, as_json)

    connection.run(work)


@roles.command("delete", epilog="Example: outbound-sms admin roles delete Billing --yes")
@click.argument("role")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def delete_role(connection: Connection, role: str, yes: bool, as_json: bool) -> None:
    """Deletes ROLE, by name or id, which no working API key may have."""

    async def work(client: Client) -> None:
        found = await role_id_of(client, "ROLE", role)
        confirm(f"Delete the role {role}?", yes=yes, as_json=as_json)
        await client.access.DeleteRole(access_pb2.DeleteRoleRequest(role_id=found))
        if as_json:
            print_json({"role_id": found})
        else:
            console.print(f"Deleted: role {found}")

    connection.run(work)


async def role_id_of(client: Client, option: str, role: str) -> str:
    """The id of the role with this name or id. Raises UsageError for an unknown name."""
    return (await ids_of(client, option, [role], role_ids))[0]


async def role_ids(client: Client) -> dict[str, str]:
    """Roles by name."""
    return {role.name: role.role_id for role in await _read_roles(client)}


async def _find_role(client: Client, role: str) -> access_pb2.Role:
    role_id = await role_id_of(client, "ROLE", role)
    for each in await _read_roles(client):
        if each.role_id == role_id:
            return each
    raise click.UsageError(f"ROLE: there is no {role!r}; `outbound-sms admin roles list` has them.")


async def _read_roles(client: Client) -> list[access_pb2.Role]:
    request = access_pb2.ListRolesRequest(page_size=LARGEST_PAGE)
    return [role async for page in pages(client.access.ListRoles, request) for role in page.roles]


def _permissions_of(role: access_pb2.Role) -> str:
    if role.super_admin:
        return "everything"
    return ", ".join(map(show_permission, role.permissions)) or "nothing"


def _show(role: access_pb2.Role, as_json: bool) -> None:
    if as_json:
        print_json(role)
        return
    shown = (
        ("Role", role.role_id),
        ("Name", role.name),
        ("Permissions", _permissions_of(role)),
    )
    console.print(facts(shown))
