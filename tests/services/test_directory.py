"""Companies, departments, sites, vendors and accounts, through real stubs."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.store.pool import Pool
from outboundsms.v1 import directory_pb2 as pb
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.language_pb2 import LANGUAGE_FR
from tests.services.directory_calls import NOBODY, make_account, make_company
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode


async def test_a_company_comes_back_as_it_was_created(stub: Stubs) -> None:
    made = await make_company(
        stub,
        " Fibre Boréale ",
        country="CA",
        language=LANGUAGE_FR,
        customer_portal_url="https://mon.boreale.example",
    )
    request = pb.GetCompanyRequest(company_id=made.company_id)
    found = (await stub(DirectoryStub).GetCompany(request)).company
    assert found == made
    assert (found.name, found.country, found.language) == ("Fibre Boréale", "CA", LANGUAGE_FR)
    assert (found.is_default, found.disabled, found.etag) == (True, False, "1")


async def test_everything_wrong_with_a_company_is_said_at_once(stub: Stubs) -> None:
    company = pb.Company(name="a\x00b", country="FR", customer_portal_url="javascript:alert(1)")
    company.MergeFromString(b"\x20\x63")  # language 99
    told = await failure(
        stub(DirectoryStub).CreateCompany(pb.CreateCompanyRequest(company=company))
    )
    assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert told.violations.keys() == {
        "company.name",
        "company.country",
        "company.language",
        "company.customer_portal_url",
    }


async def test_a_name_is_taken_once_in_an_instance(stub: Stubs, other_instance: Tenant) -> None:
    await make_company(stub)
    company = pb.Company(name="Northwind", country="US")
    told = await failure(
        stub(DirectoryStub).CreateCompany(pb.CreateCompanyRequest(company=company))
    )
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    assert (await make_company(stub, key=other_instance.key)).name == "Northwind"


async def test_creating_with_the_same_request_id_has_one_effect(stub: Stubs) -> None:
    request = pb.CreateCompanyRequest(
        company=pb.Company(name="Northwind", country="US"), request_id=str(uuid4())
    )
    directory = stub(DirectoryStub)
    first = await directory.CreateCompany(request)
    assert await directory.CreateCompany(request) == first


async def test_only_the_fields_of_the_mask_change(stub: Stubs) -> None:
    made = await make_company(stub, customer_portal_url="https://a.example")
    change = pb.Company(company_id=made.company_id, name="Southwind", country="nonsense")
    request = pb.UpdateCompanyRequest(
        company=change, update_mask=FieldMask(paths=["name", "customer_portal_url"])
    )
    updated = (await stub(DirectoryStub).UpdateCompany(request)).company
    assert (updated.name, updated.country, updated.customer_portal_url) == ("Southwind", "US", "")
    assert updated.etag == "2"


async def test_an_update_with_an_old_etag_is_refused(stub: Stubs) -> None:
    made = await make_company(stub)
    change = pb.Company(company_id=made.company_id, name="Southwind", etag=made.etag)
    request = pb.UpdateCompanyRequest(company=change, update_mask=FieldMask(paths=["name"]))
    await stub(DirectoryStub).UpdateCompany(request)
    told = await failure(stub(DirectoryStub).UpdateCompany(request))
    assert (told.code, told.reason) == (Code.ABORTED, "ETAG_MISMATCH")
    assert told.metadata == {"etag": "2"}


@pytest.mark.parametrize("paths", [[], ["company_id"], ["name", "nonsense"]])
async def test_a_mask_must_name_fields_that_can_change(stub: Stubs, paths: list[str]) -> None:
    made = await make_company(stub)
    change = pb.Company(company_id=made.company_id, name="Southwind")
    request = pb.UpdateCompanyRequest(company=change, update_mask=FieldMask(paths=paths))
    told = await failure(stub(DirectoryStub).UpdateCompany(request))
    assert told.code is Code.INVALID_ARGUMENT
    assert told.violations.keys() == {"update_mask"}


async def test_one_company_is_the_default_even_when_many_want_to_be(stub: Stubs) -> None:
    await asyncio.gather(*(make_company(stub, f"Company {n}") for n in range(8)))
    found = await stub(DirectoryStub).ListCompanies(pb.ListCompaniesRequest())
    assert [company.is_default for company in found.companies].count(True) == 1


async def test_what_a_department_answers_on_belongs_to_the_company(stub: Stubs) -> None:
    company = await make_company(stub)
    directory = stub(DirectoryStub)
    made = await directory.CreateDepartment(pb.CreateDepartmentRequest(name="Support"))
    answers = pb.CompanyDepartment(
        company_id=company.company_id,
        department_id=made.department.department_id,
        phone_number="(212) 555-0100",
        email_address="help@northwind.example",
    )
    request = pb.SetCompanyDepartmentRequest(company_department=answers)
    assert (await directory.SetCompanyDepartment(request)).company_department == answers
    answers.email_address = ""
    request = pb.SetCompanyDepartmentRequest(company_department=answers)
    await directory.SetCompanyDepartment(request)
    found = await directory.GetCompany(pb.GetCompanyRequest(company_id=company.company_id))
    assert list(found.company.departments) == [answers]
    await directory.DeleteDepartment(
        pb.DeleteDepartmentRequest(department_id=made.department.department_id)
    )
    found = await directory.GetCompany(pb.GetCompanyRequest(company_id=company.company_id))
    assert not found.company.departments


async def test_a_department_that_a_signature_names_stays(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    directory = stub(DirectoryStub)
    made = await directory.CreateDepartment(pb.CreateDepartmentRequest(name="Support"))
    await pool.execute(
        "INSERT INTO signature (instance_id, name, department_id, template) "
        "VALUES ($1, 'S', $2, 1)",
        instance.instance.id,
        made.department.department_id,
    )
    told = await failure(
        directory.DeleteDepartment(
            pb.DeleteDepartmentRequest(department_id=made.department.department_id)
        )
    )
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "IN_USE")
    assert told.metadata == {"used_by": "signature"}
    await pool.execute("UPDATE signature SET delete_time = now()")
    await directory.DeleteDepartment(
        pb.DeleteDepartmentRequest(department_id=made.department.department_id)
    )
    listed = await directory.ListDepartments(pb.ListDepartmentsRequest())
    assert not listed.departments


async def test_sites_and_vendors_keep_their_ids(stub: Stubs) -> None:
    directory = stub(DirectoryStub)
    await make_company(stub)
    request = pb.UpsertNetworkSitesRequest(names=["North", "South", "North"])
    first = (await directory.UpsertNetworkSites(request)).network_sites
    again = (await directory.UpsertNetworkSites(request)).network_sites
    assert first == again
    assert [site.name for site in first] == ["North", "South", "North"]
    assert first[0] == first[2]
    await make_account(stub, network_site_ids=[first[0].network_site_id])
    listed = (await directory.ListNetworkSites(pb.ListNetworkSitesRequest())).network_sites
    assert sorted((site.name, site.accounts) for site in listed) == [("North", 1), ("South", 0)]
    vendors = pb.UpsertVendorsRequest(names=["Cable Co"])
    made = (await directory.UpsertVendors(vendors)).vendors
    assert list((await directory.ListVendors(pb.ListVendorsRequest())).vendors) == list(made)


@pytest.mark.parametrize("names", [[], ["x"] * 10_000, ["x" * 201], [""], ["a\x07b"]])
async def test_lists_of_names_have_bounds(stub: Stubs, names: list[str]) -> None:
    directory = stub(DirectoryStub)
    for call in (
        directory.UpsertNetworkSites(pb.UpsertNetworkSitesRequest(names=names)),
        directory.UpsertVendors(pb.UpsertVendorsRequest(names=names)),
    ):
        told = await failure(call)
        assert told.code is Code.INVALID_ARGUMENT
        assert told.violations.keys() <= {"names", "names[0]"}


async def test_accounts_are_created_once_and_replaced_where_they_differ(
    stub: Stubs, pool: Pool
) -> None:
    await make_company(stub)
    directory = stub(DirectoryStub)
    parent = pb.Account(account_number="P", name="Parent")
    child = pb.Account(
        account_number="C",
        name="Child",
        parent_account_number="P",
        groups=["VIP", "VIP"],
        language=LANGUAGE_FR,
        delinquent=True,
        region="CA-QC",
    )
    request = pb.UpsertAccountsRequest(accounts=[child, parent])
    first = await directory.UpsertAccounts(request)
    assert (first.created, first.changed) == (2, 0)
    rows = await pool.fetch("SELECT xmin::text, * FROM account ORDER BY id")
    again = await directory.UpsertAccounts(request)
    assert (again.created, again.changed) == (0, 0)
    assert again.account_ids == first.account_ids
    assert await pool.fetch("SELECT xmin::text, * FROM account ORDER BY id") == rows
    child.ClearField("groups")
    changed = await directory.UpsertAccounts(pb.UpsertAccountsRequest(accounts=[child, parent]))
    assert (changed.created, changed.changed) == (0, 1)
    found = await directory.GetAccount(pb.GetAccountRequest(account_number="C"))
    assert found.account.account_id == first.account_ids[0]
    assert found.account.parent_account_number == "P"
    assert (found.account.status, list(found.account.groups)) == ("Active", [])
    assert found.account.region == "CA-QC"
    child.region = "US-NY"
    moved = await directory.UpsertAccounts(pb.UpsertAccountsRequest(accounts=[child]))
    assert (moved.created, moved.changed) == (0, 1)
    child.region = ""
    await directory.UpsertAccounts(pb.UpsertAccountsRequest(accounts=[child]))
    listed = await directory.ListAccounts(pb.ListAccountsRequest())
    assert [account.region for account in listed.accounts] == ["", ""]


async def test_wrong_accounts_are_all_named_and_none_is_written(stub: Stubs, pool: Pool) -> None:
    await make_company(stub)
    request = pb.UpsertAccountsRequest(
        accounts=[
            pb.Account(account_number="A", name="Right"),
            pb.Account(account_number="A", name="", region="NY"),
            pb.Account(name="x" * 201, groups=["g"] * 101, company_id="7", region="CA-NY"),
        ]
    )
    told = await failure(stub(DirectoryStub).UpsertAccounts(request))
    assert told.violations.keys() == {
        "accounts[1].account_number",
        "accounts[1].name",
        "accounts[1].region",
        "accounts[2].account_number",
        "accounts[2].name",
        "accounts[2].groups",
        "accounts[2].company_id",
        "accounts[2].region",
    }
    assert await pool.fetchval("SELECT count(*) FROM account") == 0


async def test_accounts_need_parents_that_exist_and_no_circles(stub: Stubs) -> None:
    await make_company(stub)
    await make_account(stub, "A")
    await make_account(stub, "B", parent_account_number="A")
    request = pb.UpsertAccountsRequest(
        accounts=[
            pb.Account(account_number="A", name="A", parent_account_number="C"),
            pb.Account(account_number="C", name="C", parent_account_number="B"),
            pb.Account(account_number="D", name="D", parent_account_number="nobody"),
        ]
    )
    told = await failure(stub(DirectoryStub).UpsertAccounts(request))
    assert told.violations.keys() == {
        "accounts[0].parent_account_number",
        "accounts[1].parent_account_number",
        "accounts[2].parent_account_number",
    }


async def test_an_account_needs_a_company(stub: Stubs) -> None:
    request = pb.UpsertAccountsRequest(accounts=[pb.Account(account_number="A", name="A")])
    told = await failure(stub(DirectoryStub).UpsertAccounts(request))
    assert told.violations.keys() == {"accounts[0].company_id"}


@pytest.mark.parametrize("count", [0, 1_001, 10_000])
async def test_upserting_takes_1_to_1000_accounts(stub: Stubs, count: int) -> None:
    accounts = [pb.Account(account_number=str(n), name="x") for n in range(count)]
    told = await failure(
        stub(DirectoryStub).UpsertAccounts(pb.UpsertAccountsRequest(accounts=accounts))
    )
    assert told.violations.keys() == {"accounts"}


async def test_concurrent_upserts_of_the_same_accounts_all_succeed(stub: Stubs, pool: Pool) -> None:
    await make_company(stub)
    numbers = [f"A{n}" for n in range(200)]

    async def upsert(order: list[str], status: str) -> None:
        accounts = [pb.Account(account_number=n, name=n, status=status) for n in order]
        await stub(DirectoryStub).UpsertAccounts(pb.UpsertAccountsRequest(accounts=accounts))

    await asyncio.gather(
        *(upsert(numbers, f"S{n}") for n in range(4)),
        *(upsert(numbers[::-1], f"R{n}") for n in range(4)),
    )
    assert await pool.fetchval("SELECT count(*) FROM account") == 200
    assert await pool.fetchval("SELECT count(DISTINCT status) FROM account") == 1


async def test_accounts_are_listed_by_filter_in_pages(stub: Stubs) -> None:
    await make_company(stub)
    directory = stub(DirectoryStub)
    other = await make_company(stub, "Other", is_default=False)
    site = (
        await directory.UpsertNetworkSites(pb.UpsertNetworkSitesRequest(names=["North"]))
    ).network_sites[0]
    for n in range(5):
        await make_account(stub, f"A{n}", network_site_ids=[site.network_site_id])
    await make_account(stub, "B", company_id=other.company_id, status="Inactive")

    async def numbers(**filters: Any) -> list[str]:
        found: list[str] = []
        request = pb.ListAccountsRequest(page_size=2, **filters)
        while True:
            page = await directory.ListAccounts(request)
            assert len(page.accounts) <= 2
            found.extend(account.account_number for account in page.accounts)
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return found

    assert await numbers() == ["A0", "A1", "A2", "A3", "A4", "B"]
    assert await numbers(network_site_id=site.network_site_id) == ["A0", "A1", "A2", "A3", "A4"]
    assert await numbers(company_id=other.company_id) == ["B"]
    assert await numbers(status="Inactive") == ["B"]
    assert await numbers(company_id=NOBODY) == []


async def test_a_token_of_other_filters_is_refused(stub: Stubs) -> None:
    await make_company(stub)
    for n in range(2):
        await make_account(stub, f"A{n}")
    directory = stub(DirectoryStub)
    page = await directory.ListAccounts(pb.ListAccountsRequest(page_size=1))
    for request in (
        pb.ListAccountsRequest(page_token=page.next_page_token, status="Active"),
        pb.ListAccountsRequest(page_token=page.next_page_token[:-1] + "~"),
    ):
        told = await failure(directory.ListAccounts(request))
        assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    told = await failure(directory.ListAccounts(pb.ListAccountsRequest(page_size=-1)))
    assert told.violations.keys() == {"page_size"}


async def test_ids_of_another_instance_are_like_ids_of_nobody(
    stub: Stubs, other_instance: Tenant
) -> None:
    theirs = await make_company(stub, key=other_instance.key)
    their_account = await make_account(stub, "T1", key=other_instance.key)
    their_site = (
        await stub(DirectoryStub, other_instance.key).UpsertNetworkSites(
            pb.UpsertNetworkSitesRequest(names=["Theirs"])
        )
    ).network_sites[0]
    ours = await make_company(stub)
    directory = stub(DirectoryStub)
    department = (
        await directory.CreateDepartment(pb.CreateDepartmentRequest(name="D"))
    ).department.department_id
    for company_id, account_id, site_id in (
        (theirs.company_id, their_account, their_site.network_site_id),
        (NOBODY, NOBODY, NOBODY),
    ):
        answers = pb.CompanyDepartment(company_id=company_id, department_id=department)
        unknown_department = pb.CompanyDepartment(
            company_id=ours.company_id, department_id=account_id
        )
        update = pb.Company(company_id=company_id, name="Mine")
        mask = FieldMask(paths=["name"])
        calls = {
            "COMPANY_NOT_FOUND": [
                directory.GetCompany(pb.GetCompanyRequest(company_id=company_id)),
                directory.UpdateCompany(pb.UpdateCompanyRequest(company=update, update_mask=mask)),
                directory.SetCompanyDepartment(
                    pb.SetCompanyDepartmentRequest(company_department=answers)
                ),
                directory.UpsertAccounts(
                    pb.UpsertAccountsRequest(
                        accounts=[pb.Account(account_number="A", name="A", company_id=company_id)]
                    )
                ),
            ],
            "DEPARTMENT_NOT_FOUND": [
                directory.DeleteDepartment(pb.DeleteDepartmentRequest(department_id=account_id)),
                directory.SetCompanyDepartment(
                    pb.SetCompanyDepartmentRequest(company_department=unknown_department)
                ),
            ],
            "ACCOUNT_NOT_FOUND": [
                directory.GetAccount(pb.GetAccountRequest(account_id=account_id)),
                directory.GetAccount(pb.GetAccountRequest(account_number="T1")),
            ],
            "NETWORK_SITE_NOT_FOUND": [
                directory.UpsertAccounts(
                    pb.UpsertAccountsRequest(
                        accounts=[
                            pb.Account(account_number="A", name="A", network_site_ids=[site_id])
                        ]
                    )
                ),
            ],
        }
        for reason, pending in calls.items():
            for call in pending:
                told = await failure(call)
                assert (told.code, told.reason) == (Code.NOT_FOUND, reason)
    assert not (await directory.ListAccounts(pb.ListAccountsRequest())).accounts
    assert len((await directory.ListCompanies(pb.ListCompaniesRequest())).companies) == 1


async def test_getting_an_account_needs_an_id_or_a_number(stub: Stubs) -> None:
    directory = stub(DirectoryStub)
    for request in (
        pb.GetAccountRequest(),
        pb.GetAccountRequest(account_id="{7}"),
        pb.GetAccountRequest(account_number=""),
    ):
        assert (await failure(directory.GetAccount(request))).code is Code.INVALID_ARGUMENT


async def test_names_with_format_and_sql_characters_are_only_names(stub: Stubs) -> None:
    name = "'; DROP TABLE company; -- %s {0} ${x} |COMPANY| \\"
    assert (await make_company(stub, name)).name == name
