"""Which triggered messages an event sets off, who is texted, and what the event comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.triggered_message import TriggeredMessage


class FireOutcome(IntEnum):
    """What an event came to, the best first. The numbers are the contract's."""

    FIRED = 1
    ALREADY_FIRED = 2
    NOBODY_OPTED_IN = 3
    CHILD_ACCOUNT = 4
    COMPANY_DISABLED = 5
    COUNT_DIFFERS = 6
    JOB_TYPE_DIFFERS = 7
    DISABLED = 8
    NO_TRIGGERED_MESSAGE = 9


@dataclass(frozen=True, slots=True)
class TextableNumber:
    """A phone number that may be texted, of a contact of an account."""

    contact_id: UUID
    message_category_ids: frozenset[UUID]
    language: Language
    time_zone: str | None
    e164: str
    country: str


@dataclass(frozen=True, slots=True)
class EventAccount:
    """The account that an event is about.

    `numbers` are all that may be texted, in the order of preference: those of the primary contact
    first, then by age. `is_child` says whether it has a parent account.
    """

    id: UUID
    account_number: str
    company_id: UUID
    company_name: str
    company_enabled: bool
    is_child: bool
    region: str | None
    numbers: tuple[TextableNumber, ...]


@dataclass(frozen=True, slots=True)
class TriggeredOutcome:
    """What an event came to for one triggered message, with the ids of the texts."""

    triggered_message_id: UUID
    outcome: FireOutcome
    message_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class FireResult:
    """What an event came to for each triggered message of its trigger type, oldest first."""

    triggered: tuple[TriggeredOutcome, ...]

    @property
    def outcome(self) -> FireOutcome:
        """The best of the outcomes; NO_TRIGGERED_MESSAGE when there is none."""
        return min(
            (each.outcome for each in self.triggered), default=FireOutcome.NO_TRIGGERED_MESSAGE
        )


def why_not(
    message: TriggeredMessage, event: TriggerEvent, account: EventAccount
) -> FireOutcome | None:
    """Why the event makes no text for a triggered message of its type, whoever the recipients are.

    None when it does.
    """
    if not message.enabled:
        return FireOutcome.DISABLED
    if message.count != event.count:
        return FireOutcome.COUNT_DIFFERS
    if message.job_type != event.job_type:
        return FireOutcome.JOB_TYPE_DIFFERS
    if account.is_child and not message.allow_child_accounts:
        return FireOutcome.CHILD_ACCOUNT
    if not account.company_enabled:
        return FireOutcome.COMPANY_DISABLED
    return None


def choose_recipients(message: TriggeredMessage, account: EventAccount) -> list[TextableNumber]:
    """Whom a triggered message texts: contacts that share a message category with it.

    A number of several contacts is texted once, as that of the first of them.
    """
    shared = frozenset(message.message_category_ids)
    return _each_number_once(
        number for number in account.numbers if not shared.isdisjoint(number.message_category_ids)
    )


def _each_number_once(numbers: Iterable[TextableNumber]) -> list[TextableNumber]:
    found: dict[str, TextableNumber] = {}
    for number in numbers:
        found.setdefault(number.e164, number)
    return list(found.values())
