"""Which triggered messages an event sets off, and whom they text."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.trigger_match import (
    EventAccount,
    FireOutcome,
    FireResult,
    TextableNumber,
    TriggeredOutcome,
    choose_recipients,
    why_not,
)
from outbound_sms.domain.trigger_type import TRIGGER_TYPES
from outbound_sms.domain.trigger_values import TriggerValues
from outbound_sms.domain.triggered_message import TriggeredMessage
from outboundsms.v1 import triggers_pb2 as pb

BILLING, OUTAGES, JOBS = (UUID(int=number) for number in (1, 2, 3))

MESSAGE = TriggeredMessage(
    id=UUID(int=9),
    name="Due",
    enabled=True,
    trigger_type="INVOICE_DUE_IN_X_DAYS",
    count=5,
    job_type="",
    signature_id=None,
    sending_number_id=None,
    allow_child_accounts=False,
    message_category_ids=(BILLING,),
    version=1,
    create_time=datetime(2027, 1, 1, tzinfo=UTC),
)
EVENT = TriggerEvent(
    trigger=TRIGGER_TYPES["INVOICE_DUE_IN_X_DAYS"],
    account_id=None,
    account_number="1001",
    count=5,
    job_type="",
    event_key="invoice 1",
    values=TriggerValues({}, None),
    expire_time=None,
)
ACCOUNT = EventAccount(
    id=UUID(int=7),
    account_number="1001",
    company_id=UUID(int=8),
    company_name="Northwind",
    company_enabled=True,
    is_child=False,
    region=None,
    numbers=(),
)


def number(e164: str, *categories: UUID, contact: int = 1) -> TextableNumber:
    return TextableNumber(UUID(int=contact), frozenset(categories), Language.EN, None, e164, "US")


def test_the_outcomes_are_those_of_the_contract_best_first() -> None:
    named = {
        name.removeprefix("FIRE_OUTCOME_"): value for name, value in pb.FireOutcome.items() if value
    }
    assert named == {outcome.name: outcome.value for outcome in FireOutcome}


def test_an_event_that_fits_is_not_refused() -> None:
    assert why_not(MESSAGE, EVENT, ACCOUNT) is None


@pytest.mark.parametrize(
    ("message", "account", "outcome"),
    [
        ({"enabled": False}, {}, FireOutcome.DISABLED),
        ({"count": 10}, {}, FireOutcome.COUNT_DIFFERS),
        ({"job_type": "Install"}, {}, FireOutcome.JOB_TYPE_DIFFERS),
        ({}, {"is_child": True}, FireOutcome.CHILD_ACCOUNT),
        ({"allow_child_accounts": True}, {"is_child": True}, None),
        ({}, {"company_enabled": False}, FireOutcome.COMPANY_DISABLED),
        ({"enabled": False, "count": 10}, {"is_child": True}, FireOutcome.DISABLED),
        ({"count": 10}, {"is_child": True}, FireOutcome.COUNT_DIFFERS),
        ({}, {"is_child": True, "company_enabled": False}, FireOutcome.CHILD_ACCOUNT),
    ],
)
def test_the_first_reason_against_a_text_is_told(
    message: dict[str, Any], account: dict[str, Any], outcome: FireOutcome | None
) -> None:
    assert why_not(replace(MESSAGE, **message), EVENT, replace(ACCOUNT, **account)) is outcome


def test_contacts_that_share_a_category_are_texted() -> None:
    message = replace(MESSAGE, message_category_ids=(BILLING, JOBS))
    account = replace(
        ACCOUNT,
        numbers=(
            number("+12125550101", BILLING, OUTAGES),
            number("+12125550102", OUTAGES),
            number("+12125550103"),
            number("+12125550104", JOBS),
        ),
    )
    found = [each.e164 for each in choose_recipients(message, account)]
    assert found == ["+12125550101", "+12125550104"]


def test_a_number_of_two_contacts_is_texted_once_as_that_of_the_first_who_may_be() -> None:
    account = replace(
        ACCOUNT,
        numbers=(
            number("+12125550101", OUTAGES, contact=1),
            number("+12125550101", BILLING, contact=2),
            number("+12125550101", BILLING, contact=3),
        ),
    )
    assert [each.contact_id.int for each in choose_recipients(MESSAGE, account)] == [2]


def test_a_result_is_as_good_as_the_best_of_its_outcomes() -> None:
    found = [
        TriggeredOutcome(MESSAGE.id, outcome)
        for outcome in (
            FireOutcome.DISABLED,
            FireOutcome.NOBODY_OPTED_IN,
            FireOutcome.COUNT_DIFFERS,
        )
    ]
    assert FireResult(tuple(found)).outcome is FireOutcome.NOBODY_OPTED_IN
    assert FireResult(()).outcome is FireOutcome.NO_TRIGGERED_MESSAGE
