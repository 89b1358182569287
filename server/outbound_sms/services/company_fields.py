"""Companies between the contract and the domain."""

from dataclasses import replace
from uuid import UUID

from outbound_sms.domain.company import (
    LONGEST_NAME,
    LONGEST_PORTAL_URL,
    LONGEST_SHOWN_NUMBER,
    Company,
    CompanyDepartment,
    CompanyValues,
)
from outbound_sms.domain.email_address import ADVICE, LONGEST, is_email_address
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.fields import parse_id, to_timestamp
from outbound_sms.services.language_fields import read_language, show_language
from outboundsms.v1 import directory_pb2

CHANGEABLE = frozenset(
    {"name", "country", "language", "customer_portal_url", "disabled", "is_default"}
)
_NOTHING = CompanyValues("", "", None, None, enabled=True, is_default=False)


def read_values(
    violations: Violations,
    company: directory_pb2.Company,
    fields: frozenset[str] = CHANGEABLE,
    stored: CompanyValues = _NOTHING,
) -> CompanyValues:
    """`stored` with those of its fields that are in `fields` taken from the request."""
    values = stored
    if "name" in fields:
        name = check_text(
            violations, "company.name", company.name, required=True, longest=LONGEST_NAME
        )
        values = replace(values, name=name)
    if "country" in fields:
        if company.country not in ("US", "CA"):
            violations.add("company.country", "is not a country of the service; give US or CA")
        values = replace(values, country=company.country)
    if "language" in fields:
        language = read_language(violations, "company.language", company.language)
        values = replace(values, language=language)
    if "customer_portal_url" in fields:
        values = replace(values, customer_portal_url=_read_url(violations, company))
    if "disabled" in fields:
        values = replace(values, enabled=not company.disabled)
    if "is_default" in fields:
        values = replace(values, is_default=company.is_default)
    return values


def read_company_department(
    violations: Violations, given: directory_pb2.CompanyDepartment
) -> CompanyDepartment:
    """What a department is to answer on. The ids are only meaningful when there is no violation."""
    field = "company_department"
    company_id = parse_id(violations, f"{field}.company_id", given.company_id)
    department_id = parse_id(violations, f"{field}.department_id", given.department_id)
    number = check_text(
        violations,
        f"{field}.phone_number",
        given.phone_number,
        required=False,
        longest=LONGEST_SHOWN_NUMBER,
    )
    if number and not any(character.isdigit() for character in number):
        violations.add(f"{field}.phone_number", "has no digit; give a number such as 212-555-0100")
    email = check_text(
        violations, f"{field}.email_address", given.email_address, required=False, longest=LONGEST
    )
    if email and not is_email_address(email):
        violations.add(f"{field}.email_address", ADVICE)
    nobody = UUID(int=0)
    return CompanyDepartment(
        company_id or nobody, department_id or nobody, number or None, email or None
    )


def show(company: Company) -> directory_pb2.Company:
    """The company as the contract has it."""
    values = company.values
    return directory_pb2.Company(
        company_id=str(company.id),
        name=values.name,
        country=values.country,
        language=show_language(values.language),
        customer_portal_url=values.customer_portal_url or "",
        disabled=not values.enabled,
        is_default=values.is_default,
        departments=[show_company_department(each) for each in company.departments],
        etag=str(company.version),
        create_time=to_timestamp(company.create_time),
    )


def show_company_department(stored: CompanyDepartment) -> directory_pb2.CompanyDepartment:
    """What a department answers on, as the contract has it."""
    return directory_pb2.CompanyDepartment(
        company_id=str(stored.company_id),
        department_id=str(stored.department_id),
        phone_number=stored.phone_number or "",
        email_address=stored.email_address or "",
    )


def _read_url(violations: Violations, company: directory_pb2.Company) -> str | None:
    field = "company.customer_portal_url"
    url = check_text(
        violations, field, company.customer_portal_url, required=False, longest=LONGEST_PORTAL_URL
    )
    if url and (not url.startswith(("https://", "http://")) or " " in url):
        violations.add(field, "is not a web address; give one that starts with https://")
    return url or None
