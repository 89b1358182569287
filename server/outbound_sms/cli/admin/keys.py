"""`outbound-sms admin keys`: the API keys of the instance."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.admin.roles import role_id_of, role_ids
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, ids_of, pages
from outbound_sms.cli.output import console, local_time, print_json, print_whole
from outbound_sms.cli.when import parse_span, parse_when
from outboundsms import Client
from outboundsms.v1 import access_pb2, settings_pb2


@click.group()
def keys() -> None:
    """Manages the API keys of the instance."""


@keys.command("list", epilog="Example: outbound-sms admin keys list --ended")
@click.option("--ended", is_flag=True, help="Those that were revoked or have expired, too.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each key.")
@connected
def list_keys(connection: Connection, ended: bool, as_json: bool) -> None:
    """Lists API keys, oldest first, with when each was last used."""

    async def work(client: Client) -> None:
        names = {id_: name for name, id_ in (await role_ids(client)).items()}
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("API key", "Name", "Role", "State", "Last used"):
            table.add_column(column, no_wrap=column == "API key")
        for key in await _read_keys(client):
            if not ended and _has_ended(key):
                continue
            if as_json:
                print_json(key)
            else:
                used = local_time(key.last_use_time) if key.HasField("last_use_time") else "never"
                role = Text(names.get(key.role_id, "deleted"))
                table.add_row(key.api_key_id, Text(key.name), role, _state_of(key), used)
        if not as_json:
            console.print(table)

    connection.run(work)


@keys.command(
    "create",
    epilog="""\b
Examples:
  outbound-sms admin keys create billing --role Billing
  outbound-sms admin keys create auditor --role Auditors --expires +30d
""",
)
@click.argument("name")
@click.option("--role", required=True, help="Role, by name or id.")
@click.option("--expires", help="When it ends, for example +30d or 2026-12-31T00:00Z. Else never.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def create_key(
    connection: Connection, name: str, role: str, expires: str | None, as_json: bool
) -> None:
    """Creates an API key and shows it, once. Nobody gives more than their own role has."""

    async def work(client: Client) -> None:
        expire_time = await _read_end(client, expires) if expires is not None else None
        role_id = await role_id_of(client, "--role", role)
        key = access_pb2.ApiKey(name=name, role_id=role_id, expire_time=expire_time)
        answer = await client.access.CreateApiKey(access_pb2.CreateApiKeyRequest(api_key=key))
        _show_secret(answer, answer.api_key.api_key_id, answer.secret, as_json)

    connection.run(work)


@keys.command(
    "rotate",
    epilog="""\b
Examples:
  outbound-sms admin keys rotate billing
  outbound-sms admin keys rotate billing --overlap 7d
""",
)
@click.argument("key")
@click.option("--overlap", default="24h", show_default=True, help="How long the old one works on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def rotate_key(connection: Connection, key: str, overlap: str, as_json: bool) -> None:
    """Makes an API key in place of KEY, given by name or id, and shows it, once.

    Both work until the old one expires, so that callers can change over.
    """
    try:
        wanted = Duration(seconds=int(parse_span(overlap).total_seconds()))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--overlap") from error

    async def work(client: Client) -> None:
        request = access_pb2.RotateApiKeyRequest(
            api_key_id=await _key_id_of(client, key), overlap=wanted
        )
        answer = await client.access.RotateApiKey(request)
        until = local_time(answer.old_api_key.expire_time)
        _show_secret(
            answer,
            answer.api_key.api_key_id,
            answer.secret,
            as_json,
            more=[("Old key works until", until)],
        )

    connection.run(work)


@keys.command("revoke", epilog="Example: outbound-sms admin keys revoke billing --yes")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def revoke_key(connection: Connection, key: str, yes: bool, as_json: bool) -> None:
    """Ends an API key, given by name or id, for good. It is refused within 5 seconds."""

    async def work(client: Client) -> None:
        found = await _key_id_of(client, key)
        confirm(f"Revoke the key {key}?", yes=yes, as_json=as_json)
        answer = await client.access.RevokeApiKey(access_pb2.RevokeApiKeyRequest(api_key_id=found))
        if as_json:
            print_json(answer.api_key)
        else:
            console.print(f"Revoked: API key {found}")

    connection.run(work)


async def _key_id_of(client: Client, key: str) -> str:
    """The id of the key with this id, or of the only one that works of this name."""

    async def working_ids(client: Client) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in await _read_keys(client):
            if _has_ended(each):
                continue
            if each.name == key and key in found:
                raise click.UsageError(f"KEY: several keys are named {key!r}; give the id of one.")
            found[each.name] = each.api_key_id
        return found

    return (await ids_of(client, "KEY", [key], working_ids))[0]


async def _read_keys(client: Client) -> list[access_pb2.ApiKey]:
    request = access_pb2.ListApiKeysRequest(page_size=LARGEST_PAGE)
    return [
        key async for page in pages(client.access.ListApiKeys, request) for key in page.api_keys
    ]


def _has_ended(key: access_pb2.ApiKey) -> bool:
    expired = key.HasField("expire_time") and key.expire_time.ToDatetime(UTC) <= datetime.now(UTC)
    return expired or key.HasField("revoke_time")


def _state_of(key: access_pb2.ApiKey) -> Text:
    if key.HasField("revoke_time"):
        return Text(f"revoked {local_time(key.revoke_time)}", "red")
    if not key.HasField("expire_time"):
        return Text("works", "green")
    if _has_ended(key):
        return Text(f"expired {local_time(key.expire_time)}", "red")
    return Text(f"works until {local_time(key.expire_time)}", "yellow")


async def _read_end(client: Client, text: str) -> Timestamp:
    answer = await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    zone = ZoneInfo(answer.settings.time_zone)
    try:
        moment = parse_when(text, datetime.now(UTC), zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--expires") from error
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def _show_secret(
    answer: Message,
    api_key_id: str,
    secret: str,
    as_json: bool,
    more: Iterable[tuple[str, str]] = (),
) -> None:
    if as_json:
        print_json(answer)
        return
    print_whole([("API key", api_key_id), ("Secret, shown once", secret), *more])
