"""What is made at the database, where no API key is needed: the first key of anything."""

from uuid import UUID

import asyncpg
import click

from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import print_json, print_whole
from outbound_sms.domain.access import LONGEST_NAME
from outbound_sms.domain.api_key import ApiKeySecret, make_key
from outbound_sms.domain.country import is_country
from outbound_sms.domain.currency import CURRENCIES, default_currency
from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.instance import Instance, InstanceValues
from outbound_sms.domain.language import Language
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.store import api_keys, instances, roles

MOST_ROLES = 1_000


@click.command(
    "create-instance",
    epilog='Example: outbound-sms admin create-instance "Northwind" --time-zone America/New_York',
)
@click.argument("name")
@click.option("--country", default="US", show_default=True, help="ISO 3166, for example CA.")
@click.option("--currency", help="ISO 4217. [default: USD, or CAD in Canada]")
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
    country = country.upper()
    if not is_country(country):
        raise click.BadParameter("is an ISO 3166 code, for example US", param_hint="--country")
    currency = (currency or default_currency(country)).upper()
    if currency not in CURRENCIES:
        raise click.BadParameter("is an ISO 4217 code, for example USD", param_hint="--currency")
    try:
        parse_zone(time_zone)
    except ValueError as error:
        raise click.BadParameter(f"is {error}", param_hint="--time-zone") from error
    values = InstanceValues(
        name=_read_name(name, "NAME"),
        country=country,
        currency=currency,
        time_zone=time_zone,
        default_language=Language(language),
    )

    async def work(connection: asyncpg.Connection) -> tuple[Instance, str]:
        return await instances.create_instance_with_key(connection, values)

    instance, key = run_on(database, work)
    _show({"instance_id": str(instance.id), "api_key": key}, as_json)


@click.command(
    "create-api-key",
    epilog="Example: outbound-sms admin create-api-key INSTANCE_ID --name night-shift",
)
@click.argument("instance_id", type=click.UUID)
@click.option("--name", default="operator", show_default=True, help="Shown as who did something.")
@click.option("--role", default=roles.SUPER_ADMIN_ROLE, show_default=True, help="Role's name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def create_api_key(database: str, instance_id: UUID, name: str, role: str, as_json: bool) -> None:
    """Makes another API key of an instance, for example when the first one was lost."""
    name = _read_name(name, "--name")
    secret = make_key()

    async def work(connection: asyncpg.Connection) -> UUID:
        async with connection.transaction():
            await roles.lock_access(connection, instance_id)
            listed = await roles.list_roles(connection, instance_id, None, MOST_ROLES)
            named = {each.values.name: each for each in listed}
            if role not in named:
                raise click.ClickException(
                    f"The instance has no role {role!r}. It has: {', '.join(named) or 'none'}."
                )
            return await _add_key(connection, instance_id, named[role].id, name, secret)

    key_id = run_on(database, work)
    _show({"api_key_id": str(key_id), "api_key": secret.text}, as_json)


@click.command(
    "create-operator-key",
    epilog="Example: outbound-sms admin create-operator-key --name alice",
)
@click.option("--name", default="operator", show_default=True, help="Shown as who did something.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def create_operator_key(database: str, name: str, as_json: bool) -> None:
    """Makes a key of the platform operator, which manages instances, and shows it once.

    It is for `outbound-sms admin instances`, `prices` and `adjust-balance`. The operator's own
    instance, which cannot send, is made with the first key.
    """
    name = _read_name(name, "--name")
    secret = make_key()

    async def work(connection: asyncpg.Connection) -> UUID:
        async with connection.transaction():
            platform = await instances.platform_instance(connection)
            role = await roles.get_first_role(connection, platform.id)
            assert role is not None
            return await _add_key(connection, platform.id, role.id, name, secret)

    key_id = run_on(database, work)
    _show({"api_key_id": str(key_id), "api_key": secret.text}, as_json)


async def _add_key(
    connection: asyncpg.Connection,
    instance_id: UUID,
    role_id: UUID,
    name: str,
    secret: ApiKeySecret,
) -> UUID:
    made = await api_keys.create_api_key(connection, instance_id, role_id, name, secret)
    return made.id


def _read_name(name: str, parameter: str) -> str:
    violations = Violations()
    text = check_text(violations, "name", name, required=True, longest=LONGEST_NAME)
    try:
        violations.raise_if_any()
    except InvalidRequest as error:
        described = "; ".join(each.description for each in error.violations)
        raise click.BadParameter(described, param_hint=parameter) from error
    return text


def _show(values: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        print_whole((name, str(value)) for name, value in values.items())
