"""Accounts: the subscribers of an instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.language import Language

DEFAULT_STATUS = "Active"
LONGEST_NUMBER = 100
LONGEST_NAME = 200
LONGEST_LABEL = 100
LONGEST_LIST = 100


@dataclass(frozen=True, slots=True)
class AccountValues:
    """What a caller decides about an account. Lists keep their order and hold nothing twice.

    `region` is a code of `domain/region.py`.
    """

    account_number: str
    name: str
    company_id: UUID
    parent_account_id: UUID | None = None
    status: str = DEFAULT_STATUS
    type: str = ""
    language: Language | None = None
    delinquent: bool = False
    region: str | None = None
    groups: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    inventory_items: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    ip_pools: tuple[str, ...] = ()
    network_site_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """An account as stored; `parent_account_number` is empty where it has no parent."""

    id: UUID
    values: AccountValues
    parent_account_number: str
    create_time: datetime


def accounts_in_circles(parents: Mapping[str, str]) -> frozenset[str]:
    """The accounts that would be their own ancestor. `parents`: account number to parent number.

    A circle would make "also to child accounts" endless. Accounts below a circle are not in it.
    """
    found: set[str] = set()
    settled: set[str] = set()
    for start in parents:
        path: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in settled and at not in path:
            path[at] = len(path)
            at = parents.get(at)
        if at is not None and at in path:
            found.update(number for number, place in path.items() if place >= path[at])
        settled.update(path)
    return frozenset(found)
