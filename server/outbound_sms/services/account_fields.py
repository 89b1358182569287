"""Accounts between the contract and the domain."""

from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.account import (
    DEFAULT_STATUS,
    LONGEST_LABEL,
    LONGEST_LIST,
    LONGEST_NAME,
    LONGEST_NUMBER,
    Account,
    AccountValues,
)
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.region import ADVICE, REGIONS
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.fields import parse_id, to_timestamp
from outbound_sms.services.language_fields import read_language, show_language
from outbound_sms.services.list_fields import read_ids, read_labels
from outboundsms.v1 import directory_pb2


@dataclass(frozen=True, slots=True)
class GivenAccount:
    """An account of a request: its parent's id is not known yet, nor a default company's."""

    values: AccountValues
    parent_account_number: str
    has_company: bool


def read_account(
    violations: Violations, field: str, account: directory_pb2.Account
) -> GivenAccount:
    """Everything that an account is to become; what is not given becomes its default."""

    def text(name: str, value: str, longest: int = LONGEST_LABEL, required: bool = False) -> str:
        return check_text(violations, f"{field}.{name}", value, required=required, longest=longest)

    def labels(name: str, values: list[str]) -> tuple[str, ...]:
        path = f"{field}.{name}"
        found = read_labels(violations, path, values, LONGEST_LIST, LONGEST_LABEL)
        return tuple(dict.fromkeys(found))

    company_id = parse_id(violations, f"{field}.company_id", account.company_id, required=False)
    values = AccountValues(
        account_number=text("account_number", account.account_number, LONGEST_NUMBER, True),
        name=text("name", account.name, LONGEST_NAME, True),
        company_id=company_id or UUID(int=0),
        status=text("status", account.status) or DEFAULT_STATUS,
        type=text("type", account.type),
        language=read_language(violations, f"{field}.language", account.language),
        delinquent=account.delinquent,
        region=_read_region(violations, f"{field}.region", account.region),
        groups=labels("groups", list(account.groups)),
        services=labels("services", list(account.services)),
        inventory_items=labels("inventory_items", list(account.inventory_items)),
        subnets=labels("subnets", list(account.subnets)),
        ip_pools=labels("ip_pools", list(account.ip_pools)),
        network_site_ids=read_ids(
            violations, f"{field}.network_site_ids", account.network_site_ids, LONGEST_LIST
        ),
    )
    parent = text("parent_account_number", account.parent_account_number, LONGEST_NUMBER)
    return GivenAccount(values, parent, company_id is not None)


def show(account: Account) -> directory_pb2.Account:
    """The account as the contract has it."""
    values = account.values
    return directory_pb2.Account(
        account_id=str(account.id),
        account_number=values.account_number,
        name=values.name,
        company_id=str(values.company_id),
        status=values.status,
        type=values.type,
        groups=values.groups,
        services=values.services,
        parent_account_number=account.parent_account_number,
        network_site_ids=map(str, values.network_site_ids),
        inventory_items=values.inventory_items,
        subnets=values.subnets,
        ip_pools=values.ip_pools,
        language=show_language(values.language),
        delinquent=values.delinquent,
        region=values.region or "",
        create_time=to_timestamp(account.create_time),
    )


def _read_region(violations: Violations, field: str, code: str) -> str | None:
    if code and code not in REGIONS:
        violations.add(field, f"is {ADVICE}")
    return code or None
