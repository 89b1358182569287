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
    ("key", "retryable", "billable", "suppress"),
    [
        ("POLICY.OPTED_OUT", False, False, True),
        ("POLICY.CANCELLED", False, False, False),
        ("BALANCE.INSUFFICIENT_FUNDS", True, False, False),
        ("NUMBER.UNREACHABLE", True, True, False),
        ("CONTENT.FILTERED_SPAM", False, True, False),
        ("CARRIER.THROTTLED", True, False, False),
        ("EXPIRY.VALIDITY", False, True, False),
        ("UNCERTAIN.SUBMIT_TIMEOUT", False, False, False),
        ("UNCERTAIN.OUTCOME_UNKNOWN", False, False, False),
        ("UNKNOWN.OTHER", False, True, False),
    ],
)
def test_known_reasons_have_known_effects(
    key: str, retryable: bool, billable: bool, suppress: bool
) -> None:
    reason = REASONS[key]
    assert (reason.retryable, reason.billable, reason.suppress) == (retryable, billable, suppress)


def test_only_an_opt_out_suppresses_the_number() -> None:
    assert [key for key, reason in REASONS.items() if reason.suppress] == ["POLICY.OPTED_OUT"]
