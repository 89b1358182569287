"""Who a mass message is for: the options of `send`, and the audience that they make."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from outbound_sms.cli.names import (
    company_ids,
    ids_of,
    message_category_ids,
    network_site_ids,
)
from outboundsms import Client
from outboundsms.v1 import directory_pb2, language_pb2, mass_messages_pb2

LANGUAGES = {"en": language_pb2.LANGUAGE_EN, "fr": language_pb2.LANGUAGE_FR}


@dataclass(frozen=True, slots=True)
class AudienceOptions:
    """The filters as they were typed; accounts must match all kinds, and one value of each kind."""

    all_accounts: bool
    account: tuple[str, ...]
    company: tuple[str, ...]
    network_site: tuple[str, ...]
    account_status: tuple[str, ...]
    account_type: tuple[str, ...]
    account_group: tuple[str, ...]
    service: tuple[str, ...]
    inventory_item: tuple[str, ...]
    subnet: tuple[str, ...]
    ip_pool: tuple[str, ...]
    message_category: tuple[str, ...]
    language: tuple[str, ...]
    delinquent: bool | None


_HELP = {
    "account": "Account number.",
    "company": "Company, by name or id.",
    "network_site": "Network site that serves the account, by name or id.",
    "account_status": "Status of the account, for example Active.",
    "account_type": "Type of the account, for example Residential.",
    "account_group": "Group of the account.",
    "service": "Service that the account has.",
    "inventory_item": "Inventory item of the account.",
    "subnet": "Subnet in which the account has addresses.",
    "ip_pool": "IP pool from which the account has addresses.",
    "message_category": "Message category of the contact, by name or id.",
}


def audience_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds an option for each filter. All but two may be given several times."""
    command = click.option(
        "--delinquent/--not-delinquent", default=None, help="Whether the account is delinquent."
    )(command)
    command = click.option(
        "--language",
        multiple=True,
        type=click.Choice(list(LANGUAGES)),
        help="Language in which the contact would be texted.",
    )(command)
    for name, text in reversed(_HELP.items()):
        option = click.option(f"--{name.replace('_', '-')}", multiple=True, help=text)
        command = option(command)
    return click.option("--all-accounts", is_flag=True, help="Every account.")(command)


async def audience_of(client: Client, options: AudienceOptions) -> mass_messages_pb2.Audience:
    """The audience, names looked up. Raises UsageError for a name that does not exist."""
    audience = mass_messages_pb2.Audience(
        all_accounts=options.all_accounts,
        account_ids=[await _account_id(client, number) for number in options.account],
        company_ids=await ids_of(client, "--company", options.company, company_ids),
        account_statuses=options.account_status,
        account_types=options.account_type,
        account_groups=options.account_group,
        services=options.service,
        inventory_items=options.inventory_item,
        subnets=options.subnet,
        ip_pools=options.ip_pool,
        network_site_ids=await ids_of(
            client, "--network-site", options.network_site, network_site_ids
        ),
        languages=[LANGUAGES[each] for each in options.language],
        message_category_ids=await ids_of(
            client, "--message-category", options.message_category, message_category_ids
        ),
    )
    if options.delinquent is not None:
        audience.delinquent = options.delinquent
    return audience


async def _account_id(client: Client, number: str) -> str:
    request = directory_pb2.GetAccountRequest(account_number=number)
    return (await client.directory.GetAccount(request)).account.account_id
