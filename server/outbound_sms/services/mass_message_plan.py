"""From a spec to everything that sending it takes: its parts looked up, its texts rendered."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.audience import Audience
from outbound_sms.domain.errors import InvalidRequest, Reason, Violations, WrongState
from outbound_sms.domain.language import Language
from outbound_sms.domain.outage import check_outage_times
from outbound_sms.domain.price_list import PriceList
from outbound_sms.domain.rendering import Answers, Closing, Outage, Rendered, render_outage
from outbound_sms.domain.sending_number import SendingNumber
from outbound_sms.domain.sms_settings import SmsSettings
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.services.mass_message_fields import Spec
from outbound_sms.services.missing import check_all_exist, not_found
from outbound_sms.store import (
    audience,
    companies,
    mass_messages,
    message_categories,
    network_sites,
    sending_numbers,
    settings,
    signatures,
)
from outbound_sms.store.mass_messages import AcceptedMassMessage
from outbound_sms.store.pool import Connection
from outbound_sms.store.signatures import Signature

TextKey = tuple[UUID, Language]


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec with its defaults filled in, and what its texts are made from.

    `texts` has one for each enabled company of the audience and each language; where a text cannot
    be sent it stands in `refused` instead, with what to do about it. `prices` are those in force
    now.
    """

    spec: Spec
    settings: SmsSettings
    prices: PriceList
    signature: Signature
    number: SendingNumber
    companies: Mapping[UUID, str]
    texts: Mapping[TextKey, Rendered]
    refused: Mapping[TextKey, str]

    def accepted(self) -> AcceptedMassMessage:
        """What is stored of it."""
        spec = self.spec
        assert spec.outage_start is not None
        return AcceptedMassMessage(
            saved_message=spec.saved_message,
            signature_id=self.signature.id,
            sending_number_id=self.number.id,
            outage_start_time=spec.outage_start,
            outage_end_time=spec.outage_end,
            audience=spec.audience,
            valid_for=spec.valid_for,
            resend_unknown_outcome=spec.resend_unknown_outcome,
        )

    def refusal(self, key: TextKey) -> InvalidRequest:
        """The error for recipients whose text cannot be sent."""
        company_id, language = key
        return InvalidRequest.of(
            "spec.saved_message",
            f"cannot be sent to {self.companies[company_id]} in {language}: {self.refused[key]}",
        )


def check_times(violations: Violations, spec: Spec, now: datetime) -> None:
    """Adds what is wrong with the outage times at this moment."""
    for found in check_outage_times(spec.saved_message, spec.outage_start, spec.outage_end, now):
        violations.add(f"spec.{found.field}", found.description)


async def make_plan(db: Connection, instance_id: UUID, spec: Spec) -> Plan:
    """Looks everything up and renders the texts.

    Raises WrongState (SMS_DISABLED, NO_PRICES, NO_SIGNATURE, NO_SENDING_NUMBER), and NotFound for
    ids that are not of the instance.
    """
    found = await settings.get_sms_settings(db, instance_id)
    if not found.enabled:
        raise WrongState(
            Reason.SMS_DISABLED, "Sending is switched off; enable it in the SMS settings first."
        )
    prices = found.check_prices()
    signature = await _find_signature(db, instance_id, spec.signature_id)
    number = await _find_number(db, instance_id, spec.sending_number_id)
    await _check_audience(db, instance_id, spec.audience)
    answers = await signatures.list_answers(
        db,
        instance_id,
        signature.values.department_id,
        spec.audience.ids.get("company_ids"),
    )
    texts, refused = _render(spec, found, signature, answers)
    names = {company_id: each.company_name for company_id, each in answers.items()}
    return Plan(spec, found, prices, signature, number, names, texts, refused)


async def _find_signature(
    db: Connection, instance_id: UUID, signature_id: UUID | None
) -> Signature:
    if signature_id is None:
        signature = await signatures.get_mass_default(db, instance_id)
        if signature is None:
            raise WrongState(
                Reason.NO_SIGNATURE,
                "No signature is the default for mass messages; name one, or make one the default.",
            )
        return signature
    signature = await signatures.get_signature(db, instance_id, signature_id)
    if signature is None:
        raise not_found(Reason.SIGNATURE_NOT_FOUND, "signature", signature_id)
    return signature


async def _find_number(
    db: Connection, instance_id: UUID, sending_number_id: UUID | None
) -> SendingNumber:
    wanted = sending_number_id
    if wanted is None:
        wanted = await mass_messages.find_default_sending_number(db, instance_id)
    if wanted is None:
        raise WrongState(
            Reason.NO_SENDING_NUMBER,
            "There is no default sending number that is enabled; name one, or set the default.",
        )
    number = await sending_numbers.get_sending_number(db, instance_id, wanted)
    if not number.enabled:
        raise WrongState(
            Reason.NO_SENDING_NUMBER,
            "This sending number is disabled; enable it, or name another.",
            id=str(number.id),
        )
    return number


_Finder = Callable[[Connection, UUID, Iterable[UUID]], Awaitable[set[UUID]]]
_REFERENCES: Mapping[str, tuple[Reason, str, _Finder]] = {
    "account_ids": (Reason.ACCOUNT_NOT_FOUND, "account", audience.find_accounts),
    "company_ids": (Reason.COMPANY_NOT_FOUND, "company", companies.find_existing),
    "network_site_ids": (
        Reason.NETWORK_SITE_NOT_FOUND,
        "network site",
        network_sites.find_existing,
    ),
    "message_category_ids": (
        Reason.MESSAGE_CATEGORY_NOT_FOUND,
        "message category",
        message_categories.find_existing,
    ),
}


async def _check_audience(db: Connection, instance_id: UUID, wanted: Audience) -> None:
    """A mistyped id would quietly leave people out, so every id must be one of the instance."""
    for name, ids in wanted.ids.items():
        reason, thing, find = _REFERENCES[name]
        check_all_exist(reason, thing, ids, await find(db, instance_id, ids))


def _render(
    spec: Spec, found: SmsSettings, signature: Signature, answers: Mapping[UUID, Answers]
) -> tuple[dict[TextKey, Rendered], dict[TextKey, str]]:
    outage = Outage(
        spec.saved_message, spec.outage_start, spec.outage_end, parse_zone(found.time_zone)
    )
    texts: dict[TextKey, Rendered] = {}
    refused: dict[TextKey, str] = {}
    for company_id, answer in answers.items():
        closing = Closing(signature.values.template, answer)
        for language in Language:
            try:
                texts[company_id, language] = render_outage(
                    outage, answer.company_name, language, closing, found.billing_rule
                )
            except ValueError as refusal:
                refused[company_id, language] = str(refusal)
    return texts, refused
