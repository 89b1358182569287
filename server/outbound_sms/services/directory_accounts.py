"""Accounts: read one by one or in pages, written many at a time."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.account import LONGEST_LABEL, LONGEST_NUMBER, accounts_in_circles
from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import account_fields
from outbound_sms.services.account_fields import GivenAccount
from outbound_sms.services.correspondence import check_may_read_correspondence, load_correspondence
from outbound_sms.services.list_fields import check_length
from outbound_sms.services.missing import check_all_exist, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.services.quiet_hours_fields import show_quiet_hours
from outbound_sms.store import accounts, companies, messages, network_sites
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import directory_pb2 as pb

MOST_ACCOUNTS = 1_000
ACQUIRE_TIMEOUT = 5.0


class AccountMethods:
    """The part of `outboundsms.v1.Directory` about accounts."""

    _pool: Pool
    _pages: Pages
    _once: Once

    async def UpsertAccounts(
        self, request: pb.UpsertAccountsRequest, context: Any
    ) -> pb.UpsertAccountsResponse:
        given = _read_accounts(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpsertAccountsResponse:
            await accounts.lock_accounts(db, instance_id)
            await accounts.plan_for_many(db)
            return await _upsert(db, instance_id, given)

        return await self._once.run(request, pb.UpsertAccountsResponse, work)

    async def GetAccount(
        self, request: pb.GetAccountRequest, context: Any
    ) -> pb.GetAccountResponse:
        if request.include_correspondence:
            check_may_read_correspondence(current_caller())
        asked = _read_asked(request)
        instance_id = current_caller().instance_id
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as db:
            if isinstance(asked, UUID):
                account = await accounts.get_account(db, instance_id, asked)
            else:
                account = (await accounts.find_accounts(db, instance_id, [asked])).get(asked)
            if account is None:
                raise not_found(Reason.ACCOUNT_NOT_FOUND, "account", asked)
            rules = await messages.get_hold_rules(db, instance_id)
            texts = []
            if request.include_correspondence:
                texts = await load_correspondence(db, instance_id, account.id, rules)
        return pb.GetAccountResponse(
            account=account_fields.show(account),
            quiet_hours=show_quiet_hours(rules.quiet_hours, rules.time_zone, rules.now),
            correspondence=texts,
        )

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, context: Any
    ) -> pb.ListAccountsResponse:
        violations = Violations()
        company_id = parse_id(violations, "company_id", request.company_id, required=False)
        site_id = parse_id(violations, "network_site_id", request.network_site_id, required=False)
        status = check_text(
            violations, "status", request.status, required=False, longest=LONGEST_LABEL
        )
        violations.raise_if_any()
        fetch = partial(
            accounts.list_accounts,
            self._pool,
            current_caller().instance_id,
            company_id=company_id,
            network_site_id=site_id,
            status=status or None,
        )
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListAccountsResponse(
            accounts=map(account_fields.show, found), next_page_token=token
        )


def _read_asked(request: pb.GetAccountRequest) -> UUID | str:
    """The id or the number of the account that is asked for. Raises InvalidRequest."""
    violations = Violations()
    asked: UUID | str | None = None
    match request.WhichOneof("account"):
        case "account_id":
            asked = parse_id(violations, "account_id", request.account_id)
        case "account_number":
            asked = check_text(
                violations,
                "account_number",
                request.account_number,
                required=True,
                longest=LONGEST_NUMBER,
            )
        case _:
            violations.add("account_id", "is missing; give it or the account_number")
    violations.raise_if_any()
    assert asked is not None
    return asked


def _read_accounts(request: pb.UpsertAccountsRequest) -> list[GivenAccount]:
    violations = Violations()
    given: list[GivenAccount] = []
    if check_length(violations, "accounts", len(request.accounts), MOST_ACCOUNTS, fewest=1):
        first: dict[str, int] = {}
        for index, account in enumerate(request.accounts):
            read = account_fields.read_account(violations, f"accounts[{index}]", account)
            number = read.values.account_number
            before = first.setdefault(number, index)
            if number and before != index:
                violations.add(
                    f"accounts[{index}].account_number",
                    f"is that of accounts[{before}] as well; give each account once",
                )
            given.append(read)
    violations.raise_if_any()
    return given


async def _upsert(
    db: Connection, instance_id: UUID, given: Sequence[GivenAccount]
) -> pb.UpsertAccountsResponse:
    """Writes what differs; the caller holds the lock of the accounts."""
    default_id = await _check_references(db, instance_id, given)
    numbers = {each.values.account_number for each in given}
    parents = {each.parent_account_number for each in given if each.parent_account_number}
    stored = await accounts.find_accounts(db, instance_id, numbers | parents)
    await _check_parents(db, instance_id, given, numbers | stored.keys())
    ids = {number: account.id for number, account in stored.items()}
    missing = [n for n in (each.values.account_number for each in given) if n not in ids]
    ids.update(zip(missing, await accounts.new_ids(db, len(missing)), strict=True))
    created, changed = [], []
    for each in given:
        number = each.values.account_number
        values = replace(
            each.values,
            company_id=each.values.company_id if each.has_company else default_id,
            parent_account_id=ids.get(each.parent_account_number),
        )
        if number not in stored:
            created.append((ids[number], values))
        elif values != stored[number].values:
            changed.append((ids[number], values))
    await accounts.insert_accounts(db, instance_id, created)
    await accounts.update_accounts(db, instance_id, changed)
    return pb.UpsertAccountsResponse(
        account_ids=[str(ids[each.values.account_number]) for each in given],
        created=len(created),
        changed=len(changed),
    )


async def _check_references(
    db: Connection, instance_id: UUID, given: Sequence[GivenAccount]
) -> UUID:
    """The default company, any id where none is needed. Raises NotFound for unknown ids."""
    named = dict.fromkeys(each.values.company_id for each in given if each.has_company)
    found = await companies.find_existing(db, instance_id, named)
    check_all_exist(Reason.COMPANY_NOT_FOUND, "company", named, found)
    sites = dict.fromkeys(site for each in given for site in each.values.network_site_ids)
    found = await network_sites.find_existing(db, instance_id, sites)
    check_all_exist(Reason.NETWORK_SITE_NOT_FOUND, "network site", sites, found)
    default_id = await companies.get_default_id(db, instance_id)
    violations = Violations()
    for index, each in enumerate(given):
        if default_id is None and not each.has_company:
            violations.add(
                f"accounts[{index}].company_id",
                "is missing and no company is the default; give the company's id",
            )
    violations.raise_if_any()
    return default_id or UUID(int=0)


async def _check_parents(
    db: Connection, instance_id: UUID, given: Sequence[GivenAccount], known: set[str]
) -> None:
    """Raises InvalidRequest for parents that do not exist and for circles."""
    wanted = {each.values.account_number: each.parent_account_number for each in given}
    if not any(wanted.values()):
        return
    parents = await accounts.find_ancestors(db, instance_id, known)
    parents = {n: p for n, p in (parents | wanted).items() if p}
    in_circle = accounts_in_circles(parents)
    violations = Violations()
    for index, each in enumerate(given):
        field = f"accounts[{index}].parent_account_number"
        if each.parent_account_number and each.parent_account_number not in known:
            violations.add(field, "is not that of an account; upsert the parent first or with it")
        elif each.parent_account_number and each.values.account_number in in_circle:
            violations.add(field, "makes the account its own ancestor; correct the parent")
    violations.raise_if_any()
