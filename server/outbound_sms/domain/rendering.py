"""A whole text as the recipients of one company get it, and what a person should know about it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import Body, compose_body
from outbound_sms.domain.language import Language
from outbound_sms.domain.saved_messages import SavedMessageKey, render_saved_message
from outbound_sms.domain.signature import SignatureTemplate, render_signature

_DROPPED = {
    "DEPARTMENT_PHONE_NUMBER": "phone number",
    "DEPARTMENT_EMAIL": "e-mail address",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What a department answers on in one company, as texts show it; None for none."""

    company_name: str
    department_name: str
    phone_number: str | None
    email_address: str | None


@dataclass(frozen=True, slots=True)
class Closing:
    """The signature of a text."""

    template: SignatureTemplate
    answers: Answers


@dataclass(frozen=True, slots=True)
class Outage:
    """A saved message and the times in it; `zone` is the instance's."""

    key: SavedMessageKey
    start: datetime | None
    end: datetime | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its counts. `warnings` are sentences; none of them stops it from being sent."""

    body: Body
    warnings: tuple[str, ...]


def render_outage(
    outage: Outage,
    company_name: str,
    language: Language,
    closing: Closing | None,
    rule: BillingRule,
) -> Rendered:
    """The text of an outage. Raises ValueError for what is missing or too long."""
    text = render_saved_message(
        outage.key, language, company_name, outage.start, outage.end, outage.zone
    )
    return render_text(text, language, closing, rule)


def render_text(
    text: str, language: Language, closing: Closing | None, rule: BillingRule
) -> Rendered:
    """Any text, closed by a signature. Raises BodyRefused when it is empty or too long."""
    if closing is None:
        body = compose_body(text, "", rule)
        return Rendered(body, tuple(_about(body)))
    answers = closing.answers
    signature = render_signature(
        closing.template, answers.phone_number, answers.email_address, language
    )
    dropped = [
        f"{answers.company_name} has no {_DROPPED[name]} for department {answers.department_name}: "
        "its sentence was dropped."
        for name in signature.dropped
    ]
    body = compose_body(text, signature.text, rule)
    return Rendered(body, (*dropped, *_about(body)))


def _about(body: Body) -> list[str]:
    several = (
        [f"The text takes {body.carrier_segments} segments."] if body.carrier_segments > 1 else []
    )
    return [*several, *body.warnings]
