"""`outbound-sms admin`: what only the operator of the service does, on its database."""

from uuid import UUID

import asyncpg
import click

from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import console, facts, print_json
from outbound_sms.domain.access import Instance
from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.feed.rebase import rebase
from outbound_sms.store import access

CURRENCIES = {"US": "USD", "CA": "CAD"}
MOST_ROLES = 1_000


@click.group()
def admin() -> None:
    """Administers the service; works on the database, not through a server."""


@admin.command(
    "create-instance",
    epilog='Example: outbound-sms admin create-instance "Northwind" --time-zone America/New_York',
)
@click.argument("name")
@click.option("--country", type=click.Choice(list(CURRENCIES)), default="US", show_default=True)
@click.option("--currency", help="ISO 4217. [default: the country's]")
@click.option("--time-zone", required=True, help="IANA name, for example America/Toronto.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def create_instance(
    database: str,
    name: str,
    country: str,
    currency: str | None,
    time_zone: str,
    language: str,
    as_json: bool,
) -> None:
    """Creates a tenant and its first API key, a super-admin's, which is shown once."""
    if not name.strip():
        raise click.BadParameter("must not be empty", param_hint="NAME")
    currency = (currency or CURRENCIES[country]).upper()
    if len(currency) != 3 or not currency.isalpha():
        raise click.BadParameter("is an ISO 4217 code, for example USD", param_hint="--currency")
    try:
        parse_zone(time_zone)
    except ValueError as error:
        raise click.BadParameter(f"is {error}", param_hint="--time-zone") from error

    async def work(connection: asyncpg.Connection) -> tuple[Instance, str]:
        return await access.create_instance(
            connection,
            name=name.strip(),
            country=country,
            currency=currency,
            time_zone=time_zone,
            default_language=language,
        )

    instance, key = run_on(database, work)
    _show({"instance_id": str(instance.id), "api_key": key}, as_json)


@admin.command(
    "create-api-key",
    epilog="Example: outbound-sms admin create-api-key INSTANCE_ID --name night-shift",
)
@click.argument("instance_id", type=click.UUID)
@click.option("--name", default="operator", show_default=True, help="Shown as who did something.")
@click.option("--role", default=access.SUPER_ADMIN_ROLE, show_default=True, help="Role's name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def create_api_key(database: str, instance_id: UUID, name: str, role: str, as_json: bool) -> None:
    """Makes another API key of an instance, for example when the first one was lost."""
    secret = make_key()

    async def work(connection: asyncpg.Connection) -> UUID:
        roles = await access.list_roles(connection, instance_id, None, MOST_ROLES)
        named = {each.name: each for each in roles}
        if role not in named:
            raise click.ClickException(
                f"The instance has no role {role!r}. It has: {', '.join(named) or 'none'}."
            )
        key = await access.create_api_key(
            connection, instance_id, named[role].id, name, secret, None
        )
        return key.id

    key_id = run_on(database, work)
    _show({"api_key_id": str(key_id), "api_key": secret.text}, as_json)


@admin.group()
def feed() -> None:
    """Looks after the stream of status changes."""


@feed.command("rebase", epilog="Example: outbound-sms admin feed rebase --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_database
def feed_rebase(database: str, yes: bool) -> None:
    """Makes the feed usable after the database was restored into another cluster with pg_restore.

    Loses and repeats nothing, and is harmless when it was not needed. Writers wait meanwhile.
    """
    if not yes:
        click.confirm("Writers will wait until it is done. Go on?", abort=True)

    async def work(connection: asyncpg.Connection) -> None:
        await rebase(connection)

    run_on(database, work)
    click.echo("The feed is based on this cluster.")


def _show(values: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        console.print(facts((name, str(value)) for name, value in values.items()), soft_wrap=True)
