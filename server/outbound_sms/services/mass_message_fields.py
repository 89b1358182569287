"""Mass messages as they are sent and received."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from outbound_sms.domain.audience import ID_FILTERS, TEXT_FILTERS, Audience, read_audience
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.domain.saved_messages import SavedMessageKey
from outbound_sms.rpc.fields import parse_id, to_datetime, to_timestamp
from outbound_sms.services import saved_message_fields
from outbound_sms.services.language_fields import read_language, show_language
from outbound_sms.store.mass_messages import AcceptedMassMessage, MassMessage
from outboundsms.v1 import mass_messages_pb2 as pb

DEFAULT_VALIDITY = timedelta(hours=4)
SHORTEST_VALIDITY = timedelta(minutes=1)
LONGEST_VALIDITY = timedelta(hours=24)
_WAITING = (MassMessageState.EXPANDING, MassMessageState.SENDING)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to send and to whom, as far as it can be checked without the time and the database."""

    saved_message: SavedMessageKey
    signature_id: UUID | None
    sending_number_id: UUID | None
    outage_start: datetime | None
    outage_end: datetime | None
    audience: Audience
    valid_for: timedelta
    resend_unknown_outcome: bool


def read_spec(violations: Violations, given: pb.MassMessageSpec) -> Spec:
    """The spec of a request; worth using only when there is no violation."""
    start = given.outage_start_time if given.HasField("outage_start_time") else None
    end = given.outage_end_time if given.HasField("outage_end_time") else None
    key = saved_message_fields.read_key(violations, "spec.saved_message", given.saved_message)
    return Spec(
        saved_message=key or SavedMessageKey.PLANNED_OUTAGE,
        signature_id=_optional_id(violations, "spec.signature_id", given.signature_id),
        sending_number_id=_optional_id(
            violations, "spec.sending_number_id", given.sending_number_id
        ),
        outage_start=to_datetime(violations, "spec.outage_start_time", start),
        outage_end=to_datetime(violations, "spec.outage_end_time", end),
        audience=_read_audience(violations, given.audience),
        valid_for=_read_validity(violations, given),
        resend_unknown_outcome=given.resend_unknown_outcome,
    )


def _optional_id(violations: Violations, field: str, value: str) -> UUID | None:
    return parse_id(violations, field, value, required=False)


def _read_audience(violations: Violations, given: pb.Audience) -> Audience:
    languages = [
        read_language(violations, f"spec.audience.languages[{index}]", value)
        for index, value in enumerate(given.languages)
    ]
    for index, value in enumerate(given.languages):
        if value == 0:
            violations.add(f"spec.audience.languages[{index}]", "is not said; give EN or FR")
    return read_audience(
        violations,
        "spec.audience",
        all_accounts=given.all_accounts,
        filters={name: getattr(given, name) for name in (*ID_FILTERS, *TEXT_FILTERS)},
        languages=[language for language in languages if language is not None],
        delinquent=given.delinquent if given.HasField("delinquent") else None,
    )


def _read_validity(violations: Violations, given: pb.MassMessageSpec) -> timedelta:
    if not given.HasField("valid_for"):
        return DEFAULT_VALIDITY
    try:
        validity = given.valid_for.ToTimedelta()
    except (ValueError, OverflowError):
        validity = timedelta.max
    if not SHORTEST_VALIDITY <= validity <= LONGEST_VALIDITY:
        violations.add("spec.valid_for", "is out of range; give 1 minute to 24 hours")
    return validity


def show(stored: MassMessage, segments_per_second: float) -> pb.MassMessage:
    """The mass message as the contract has it; the rate is what was seen lately."""
    return pb.MassMessage(
        mass_message_id=str(stored.id),
        spec=_show_spec(stored.accepted),
        state=pb.MassMessageState.ValueType(stored.state),
        progress=_show_progress(stored, segments_per_second),
        create_time=to_timestamp(stored.create_time),
        finish_time=to_timestamp(stored.finish_time),
    )


def to_duration(seconds: float) -> Duration:
    """A length of time, rounded up to whole seconds."""
    return Duration(seconds=-int(-seconds // 1))


def _show_progress(stored: MassMessage, segments_per_second: float) -> pb.MassMessageProgress:
    counts = stored.counts
    waiting = counts.pending * stored.segments_each
    return pb.MassMessageProgress(
        recipients=stored.recipients,
        pending=counts.pending,
        in_progress=counts.in_progress,
        sent=counts.sent,
        delivered=counts.delivered,
        failed=counts.failed,
        insufficient_funds=counts.insufficient_funds,
        segments_per_second=segments_per_second,
        time_left=(
            to_duration(waiting / stored.number_rate)
            if waiting and stored.state in _WAITING
            else None
        ),
    )


def _show_spec(accepted: AcceptedMassMessage) -> pb.MassMessageSpec:
    valid_for = Duration()
    valid_for.FromTimedelta(accepted.valid_for)
    return pb.MassMessageSpec(
        saved_message=accepted.saved_message.name,
        signature_id=str(accepted.signature_id),
        sending_number_id=str(accepted.sending_number_id),
        outage_start_time=to_timestamp(accepted.outage_start_time),
        outage_end_time=to_timestamp(accepted.outage_end_time),
        audience=_show_audience(accepted.audience),
        valid_for=valid_for,
        resend_unknown_outcome=accepted.resend_unknown_outcome,
    )


def _show_audience(audience: Audience) -> pb.Audience:
    shown = pb.Audience(
        all_accounts=audience.all_accounts,
        languages=[show_language(language) for language in audience.languages],
        delinquent=audience.delinquent,
    )
    for name, ids in audience.ids.items():
        getattr(shown, name).extend(str(each) for each in ids)
    for name, texts in audience.texts.items():
        getattr(shown, name).extend(texts)
    return shown
