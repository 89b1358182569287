"""Companies, departments, and what departments answer on."""

from functools import partial
from typing import Any

from outbound_sms.domain.company import LONGEST_NAME, Department
from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import company_fields
from outbound_sms.services.missing import check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import accounts, companies, departments
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import directory_pb2 as pb


class CompanyMethods:
    """The part of `outboundsms.v1.Directory` about companies and departments."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreateCompany(
        self, request: pb.CreateCompanyRequest, context: Any
    ) -> pb.CreateCompanyResponse:
        violations = Violations()
        values = company_fields.read_values(violations, request.company)
        violations.raise_if_any()
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateCompanyResponse:
            if values.is_default:
                await accounts.lock_accounts(db, instance_id)
            company = await companies.create_company(db, instance_id, values)
            return pb.CreateCompanyResponse(company=company_fields.show(company))

        return await self._once.run(request, pb.CreateCompanyResponse, work)

    async def GetCompany(
        self, request: pb.GetCompanyRequest, context: Any
    ) -> pb.GetCompanyResponse:
        violations = Violations()
        company_id = parse_id(violations, "company_id", request.company_id)
        violations.raise_if_any()
        assert company_id is not None
        company = await companies.get_company(self._pool, current_caller().instance_id, company_id)
        if company is None:
            raise not_found(Reason.COMPANY_NOT_FOUND, "company", company_id)
        return pb.GetCompanyResponse(company=company_fields.show(company))

    async def ListCompanies(
        self, request: pb.ListCompaniesRequest, context: Any
    ) -> pb.ListCompaniesResponse:
        fetch = partial(companies.list_companies, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListCompaniesResponse(
            companies=map(company_fields.show, found), next_page_token=token
        )

    async def UpdateCompany(
        self, request: pb.UpdateCompanyRequest, context: Any
    ) -> pb.UpdateCompanyResponse:
        violations = Violations()
        company_id = parse_id(violations, "company.company_id", request.company.company_id)
        etag = parse_etag(violations, request.company.etag, "company.etag")
        fields = read_mask(violations, request.update_mask, company_fields.CHANGEABLE)
        company_fields.read_values(violations, request.company, fields)
        violations.raise_if_any()
        assert company_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdateCompanyResponse:
            if "is_default" in fields:
                await accounts.lock_accounts(db, instance_id)
            stored = await companies.lock_company(db, instance_id, company_id)
            if stored is None:
                raise not_found(Reason.COMPANY_NOT_FOUND, "company", company_id)
            check_etag(etag, stored.version)
            values = company_fields.read_values(
                Violations(), request.company, fields, stored.values
            )
            updated = await companies.update_company(db, instance_id, stored, values)
            return pb.UpdateCompanyResponse(company=company_fields.show(updated))

        return await self._once.run(request, pb.UpdateCompanyResponse, work)

    async def CreateDepartment(
        self, request: pb.CreateDepartmentRequest, context: Any
    ) -> pb.CreateDepartmentResponse:
        violations = Violations()
        name = check_text(violations, "name", request.name, required=True, longest=LONGEST_NAME)
        violations.raise_if_any()
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateDepartmentResponse:
            made = await departments.create_department(db, instance_id, name)
            return pb.CreateDepartmentResponse(department=_show_department(made))

        return await self._once.run(request, pb.CreateDepartmentResponse, work)

    async def ListDepartments(
        self, request: pb.ListDepartmentsRequest, context: Any
    ) -> pb.ListDepartmentsResponse:
        fetch = partial(departments.list_departments, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListDepartmentsResponse(
            departments=map(_show_department, found), next_page_token=token
        )

    async def DeleteDepartment(
        self, request: pb.DeleteDepartmentRequest, context: Any
    ) -> pb.DeleteDepartmentResponse:
        violations = Violations()
        department_id = parse_id(violations, "department_id", request.department_id)
        violations.raise_if_any()
        assert department_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.DeleteDepartmentResponse:
            if not await departments.delete_department(db, instance_id, department_id):
                raise not_found(Reason.DEPARTMENT_NOT_FOUND, "department", department_id)
            return pb.DeleteDepartmentResponse()

        return await self._once.run(request, pb.DeleteDepartmentResponse, work)

    async def SetCompanyDepartment(
        self, request: pb.SetCompanyDepartmentRequest, context: Any
    ) -> pb.SetCompanyDepartmentResponse:
        violations = Violations()
        wanted = company_fields.read_company_department(violations, request.company_department)
        violations.raise_if_any()
        instance_id = current_caller().instance_id
        stored = await companies.set_company_department(self._pool, instance_id, wanted)
        if stored is None:
            if await companies.find_existing(self._pool, instance_id, [wanted.company_id]):
                raise not_found(Reason.DEPARTMENT_NOT_FOUND, "department", wanted.department_id)
            raise not_found(Reason.COMPANY_NOT_FOUND, "company", wanted.company_id)
        return pb.SetCompanyDepartmentResponse(
            company_department=company_fields.show_company_department(stored)
        )


def _show_department(department: Department) -> pb.Department:
    return pb.Department(department_id=str(department.id), name=department.name)
