import pytest

from outbound_sms.domain.reason import REASONS, Origin, RejectReason
from outbound_sms.domain.segments import Encoding, count_segments

GROUPS = {
    "POLICY",
    "BALANCE",
    "NUMBER",
    "CONTENT",
    "CARRIER",
    "SENDER",
    "ACCOUNT",
    "EXPIRY",
    "UNCERTAIN",
    "UNKNOWN",
}


def test_the_groups_are_those_of_the_contract() -> None:
    assert {reason.group for reason in REASONS.values()} == GROUPS


@pytest.mark.parametrize("key", REASONS)
def test_each_reason_is_a_sentence_for_people(key: str) -> None:
    reason = REASONS[key]
    assert key == reason.key == f"{reason.group}.{reason.code}"
    assert reason.text[0].isupper() and reason.text.endswith(".")
    assert len(reason.text) <= 100
    assert count_segments(reason.text).encoding is Encoding.GSM7


@pytest.mark.parametrize("reason", [r for r in REASONS.values() if r.origin is Origin.US])
def test_what_we_stop_ourselves_is_never_billed(reason: RejectReason) -> None:
    assert not reason.billable


@pytest.mark.parametrize(
    ("key", "retryable", "billable", "origin"),
    [
        ("POLICY.OPTED_OUT", False, False, Origin.US),
        ("POLICY.NO_CONSENT", False, False, Origin.US),
        ("POLICY.CONSENT_LEVEL", False, False, Origin.US),
        ("POLICY.QUIET_HOURS_EXPIRED", False, False, Origin.US),
        ("POLICY.CONFIRMATION_LATE", False, False, Origin.US),
        ("POLICY.FREQUENCY_CAP", False, False, Origin.US),
        ("POLICY.REASSIGNED_NUMBER", False, False, Origin.US),
        ("POLICY.CANCELLED", False, False, Origin.US),
        ("BALANCE.INSUFFICIENT_FUNDS", True, False, Origin.US),
        ("NUMBER.INVALID", False, False, Origin.PROVIDER),
        ("NUMBER.LANDLINE_OR_UNROUTABLE", False, True, Origin.PROVIDER),
        ("NUMBER.UNKNOWN_HANDSET", False, True, Origin.CARRIER),
        ("NUMBER.UNREACHABLE", True, True, Origin.HANDSET),
        ("NUMBER.REGION_NOT_ALLOWED", False, False, Origin.US),
        ("CONTENT.FILTERED_SPAM", False, True, Origin.CARRIER),
        ("CONTENT.TOO_LONG", False, False, Origin.US),
        ("CONTENT.EMPTY", False, False, Origin.US),
        ("CONTENT.ENCODING", False, False, Origin.PROVIDER),
        ("CARRIER.BLOCKED", False, True, Origin.CARRIER),
        ("CARRIER.CONGESTION", True, False, Origin.CARRIER),
        ("CARRIER.THROTTLED", True, False, Origin.PROVIDER),
        ("CARRIER.DAILY_CAP", True, False, Origin.CARRIER),
        ("CARRIER.SYSTEM_ERROR", True, False, Origin.PROVIDER),
        ("SENDER.UNREGISTERED", False, False, Origin.CARRIER),
        ("SENDER.INVALID", False, False, Origin.PROVIDER),
        ("SENDER.NOT_OWNED", False, False, Origin.PROVIDER),
        ("SENDER.QUEUE_FULL", True, False, Origin.PROVIDER),
        ("ACCOUNT.SUSPENDED", False, False, Origin.PROVIDER),
        ("ACCOUNT.AUTH", False, False, Origin.PROVIDER),
        ("EXPIRY.VALIDITY", False, True, Origin.CARRIER),
        ("UNCERTAIN.SUBMIT_TIMEOUT", False, False, Origin.US),
        ("UNCERTAIN.OUTCOME_UNKNOWN", False, False, Origin.US),
        ("UNKNOWN.OTHER", False, True, Origin.CARRIER),
    ],
)
def test_known_reasons_have_known_effects(
    key: str, retryable: bool, billable: bool, origin: Origin
) -> None:
    reason = REASONS[key]
    assert (reason.retryable, reason.billable, reason.origin) == (retryable, billable, origin)


def test_only_an_opt_out_suppresses_the_number() -> None:
    assert [key for key, reason in REASONS.items() if reason.suppress] == ["POLICY.OPTED_OUT"]
