"""How one text would look and count, for the recipients of one company."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from outbound_sms.domain.company import Company
from outbound_sms.domain.errors import InvalidRequest, Reason, Violations
from outbound_sms.domain.language import Language
from outbound_sms.domain.outage import check_outage_times
from outbound_sms.domain.rendering import (
    Answers,
    Closing,
    Outage,
    Rendered,
    render_outage,
    render_text,
)
from outbound_sms.domain.saved_messages import SavedMessageKey
from outbound_sms.domain.sms_settings import SmsSettings
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.rpc.fields import parse_id, to_datetime
from outbound_sms.services import saved_message_fields
from outbound_sms.services.body_fields import show_body
from outbound_sms.services.language_fields import read_language
from outbound_sms.services.missing import not_found
from outbound_sms.store import companies, departments, settings, signatures
from outbound_sms.store.pool import Database
from outboundsms.v1 import signatures_pb2 as pb


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A checked request; exactly one of `key` and `text` is set."""

    key: SavedMessageKey | None
    text: str
    signature_id: UUID | None
    company_id: UUID | None
    language: Language | None
    start: datetime | None
    end: datetime | None


async def preview(
    db: Database, instance_id: UUID, request: pb.PreviewTextRequest
) -> pb.PreviewTextResponse:
    """The text with its counts and its price. Raises InvalidRequest and NotFound."""
    wanted = _read(request)
    found = await settings.get_sms_settings(db, instance_id)
    company = await _find_company(db, instance_id, wanted.company_id)
    closing = await _find_closing(db, instance_id, wanted.signature_id, company)
    rendered = _render(wanted, found, company, closing)
    return pb.PreviewTextResponse(
        body=show_body(rendered.body, found), warnings=list(rendered.warnings)
    )


def _read(request: pb.PreviewTextRequest) -> _Wanted:
    violations = Violations()
    key = None
    kind = request.WhichOneof("content")
    if kind == "saved_message":
        key = saved_message_fields.read_key(violations, "saved_message", request.saved_message)
    elif kind is None:
        violations.add("saved_message", "is missing; give the key of a saved message, or a text")
    start = request.outage_start_time if request.HasField("outage_start_time") else None
    end = request.outage_end_time if request.HasField("outage_end_time") else None
    wanted = _Wanted(
        key=key,
        text=request.text,
        signature_id=parse_id(violations, "signature_id", request.signature_id, required=False),
        company_id=parse_id(violations, "company_id", request.company_id, required=False),
        language=read_language(violations, "language", request.language),
        start=to_datetime(violations, "outage_start_time", start),
        end=to_datetime(violations, "outage_end_time", end),
    )
    if key is not None:
        for found in check_outage_times(key, wanted.start, wanted.end, datetime.now(UTC)):
            violations.add(found.field, found.description)
    violations.raise_if_any()
    return wanted


async def _find_company(db: Database, instance_id: UUID, company_id: UUID | None) -> Company | None:
    """The company that is named, else the default one, else None."""
    wanted = company_id or await companies.get_default_id(db, instance_id)
    found = None if wanted is None else await companies.get_company(db, instance_id, wanted)
    if found is None and company_id is not None:
        raise not_found(Reason.COMPANY_NOT_FOUND, "company", company_id)
    return found


async def _find_closing(
    db: Database, instance_id: UUID, signature_id: UUID | None, company: Company | None
) -> Closing | None:
    if signature_id is None:
        return None
    signature = await signatures.get_signature(db, instance_id, signature_id)
    if signature is None:
        raise not_found(Reason.SIGNATURE_NOT_FOUND, "signature", signature_id)
    if company is None:
        raise _company_needed()
    department_id = signature.values.department_id
    department = await departments.get_department(db, instance_id, department_id)
    answers = next((a for a in company.departments if a.department_id == department_id), None)
    return Closing(
        signature.values.template,
        Answers(
            company_name=company.values.name,
            department_name=department.name if department else "",
            phone_number=answers.phone_number if answers else None,
            email_address=answers.email_address if answers else None,
        ),
    )


def _render(
    wanted: _Wanted, found: SmsSettings, company: Company | None, closing: Closing | None
) -> Rendered:
    language = wanted.language or found.default_language
    field = "saved_message" if wanted.key else "text"
    try:
        if wanted.key is None:
            return render_text(wanted.text, language, closing, found.billing_rule)
        if company is None:
            raise _company_needed()
        outage = Outage(wanted.key, wanted.start, wanted.end, parse_zone(found.time_zone))
        return render_outage(outage, company.values.name, language, closing, found.billing_rule)
    except ValueError as refusal:
        # Too long, or a company whose name has nothing in it that can be seen.
        raise InvalidRequest.of(field, str(refusal)) from None


def _company_needed() -> InvalidRequest:
    return InvalidRequest.of(
        "company_id", "is missing and there is no default company; give the id of a company"
    )
