"""Companies, departments, and what a department answers on in a company."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.language import Language

LONGEST_NAME = 100
LONGEST_PORTAL_URL = 500
LONGEST_SHOWN_NUMBER = 50


@dataclass(frozen=True, slots=True)
class CompanyValues:
    """What a caller decides about a company. `country` is US or CA; None means none."""

    name: str
    country: str
    language: Language | None
    customer_portal_url: str | None
    enabled: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class Department:
    """A name that signatures refer to."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class CompanyDepartment:
    """What a department answers on in one company, as texts show it; None for none."""

    company_id: UUID
    department_id: UUID
    phone_number: str | None
    email_address: str | None


@dataclass(frozen=True, slots=True)
class Company:
    """A brand of an instance. `version` is its etag."""

    id: UUID
    values: CompanyValues
    departments: tuple[CompanyDepartment, ...]
    version: int
    create_time: datetime
