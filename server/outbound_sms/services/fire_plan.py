"""What an event would make, as things stood when its batch was looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.body import Body
from outbound_sms.domain.errors import FieldViolation, InvalidRequest, Reason, WrongState
from outbound_sms.domain.language import Language
from outbound_sms.domain.price_list import PriceList
from outbound_sms.domain.recipient_zone import find_recipient_zone
from outbound_sms.domain.rendering import Closing
from outbound_sms.domain.sms_settings import SmsSettings
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.trigger_match import (
    EventAccount,
    FireOutcome,
    TextableNumber,
    choose_recipients,
    why_not,
)
from outbound_sms.domain.trigger_rendering import render_trigger
from outbound_sms.domain.triggered_message import TriggeredMessage
from outbound_sms.services.missing import not_found
from outbound_sms.store.fires import FireKey, NewFire, NewText, Sender

MessageIds = tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the database said about the events of a batch.

    `messages` are the triggered messages by trigger type, oldest first; `accounts` are there by id
    and by account number; `fired` are texts of earlier events with the same keys.
    """

    settings: SmsSettings
    messages: Mapping[str, Sequence[TriggeredMessage]]
    accounts: Mapping[UUID | str, EventAccount]
    fired: Mapping[FireKey, MessageIds]

    def messages_for(self, event: TriggerEvent) -> Sequence[TriggeredMessage]:
        return self.messages.get(event.trigger.key, ())


@dataclass(frozen=True, slots=True)
class Match:
    """What a triggered message makes of an event: with FIRED, texts to the recipients."""

    message: TriggeredMessage
    outcome: FireOutcome
    recipients: Sequence[TextableNumber] = ()


@dataclass(frozen=True, slots=True)
class MatchedEvent:
    """An event, its account, and what each triggered message of its type makes of it."""

    event: TriggerEvent
    account: EventAccount
    matches: Sequence[Match]

    @property
    def firing(self) -> list[Match]:
        """Those that make texts."""
        return [match for match in self.matches if match.outcome is FireOutcome.FIRED]

    def key_of(self, match: Match) -> FireKey:
        return match.message.id, self.event.event_key


def match_event(known: Known, event: TriggerEvent) -> MatchedEvent:
    """Matches the event. What was fired before stays so, whatever has changed since.

    Raises NotFound (ACCOUNT_NOT_FOUND), and WrongState (SMS_DISABLED) where that is why the event
    makes nothing.
    """
    account = known.accounts.get(event.account_id or event.account_number)
    if account is None:
        given = str(event.account_id or event.account_number)
        raise not_found(Reason.ACCOUNT_NOT_FOUND, "account", given)
    matches = [_match(known, message, event, account) for message in known.messages_for(event)]
    found = MatchedEvent(event, account, matches)
    repeated = any(match.outcome is FireOutcome.ALREADY_FIRED for match in matches)
    if not known.settings.enabled and (found.firing or not repeated):
        raise WrongState(
            Reason.SMS_DISABLED, "Sending is switched off; enable it in the SMS settings first."
        )
    return found


def _match(
    known: Known, message: TriggeredMessage, event: TriggerEvent, account: EventAccount
) -> Match:
    if (message.id, event.event_key) in known.fired:
        return Match(message, FireOutcome.ALREADY_FIRED)
    reason = why_not(message, event, account)
    if reason is not None:
        return Match(message, reason)
    recipients = choose_recipients(message, account)
    outcome = FireOutcome.FIRED if recipients else FireOutcome.NOBODY_OPTED_IN
    return Match(message, outcome, recipients)


def make_fire(settings: SmsSettings, sender: Sender, found: MatchedEvent, match: Match) -> NewFire:
    """The texts of a match that makes some.

    Raises WrongState (NO_PRICES, NO_SENDING_NUMBER, NO_SIGNATURE), and InvalidRequest when the
    event has lost its point already, or its text would be too long.
    """
    prices = settings.check_prices()
    if sender.sending_number_id is None:
        raise WrongState(
            Reason.NO_SENDING_NUMBER,
            "The sending number is disabled, or there is no default one: enable it, set the "
            "default, or name another in the triggered message.",
            triggered_message_id=str(match.message.id),
        )
    if sender.closing is None:
        raise WrongState(
            Reason.NO_SIGNATURE,
            "No signature is the default for triggered messages: make one the default, or name one "
            "in the triggered message.",
            triggered_message_id=str(match.message.id),
        )
    account = found.account
    valid_until = found.event.valid_until(settings.read_time)
    languages = dict.fromkeys(number.language for number in match.recipients)
    bodies = {
        language: _render(settings, found, sender.closing, language) for language in languages
    }
    return NewFire(
        key=found.key_of(match),
        account_id=account.id,
        sending_number_id=sender.sending_number_id,
        valid_until=valid_until,
        price_list_version=prices.version,
        bodies=bodies,
        texts=[
            NewText(
                language=number.language,
                contact_id=number.contact_id,
                e164=number.e164,
                zone=find_recipient_zone(number.time_zone, account.region, number.e164),
                cost_micros=_cost_micros(prices, number, bodies[number.language]),
            )
            for number in match.recipients
        ],
    )


def _render(
    settings: SmsSettings, found: MatchedEvent, closing: Closing, language: Language
) -> Body:
    """The body in a language."""
    event, account = found.event, found.account
    try:
        return render_trigger(
            event.trigger,
            event.values,
            count=event.count,
            account_number=account.account_number,
            company_name=account.company_name,
            language=language,
            zone=parse_zone(settings.time_zone),
            currency=settings.currency,
            closing=closing,
            rule=settings.billing_rule,
        ).body
    except ValueError as refusal:
        raise _not_sendable(event, str(refusal)) from None


def _cost_micros(prices: PriceList, number: TextableNumber, body: Body) -> int:
    return prices.cost_micros(number.country, body.encoding, body.billable_segments)


def _not_sendable(event: TriggerEvent, text: str) -> InvalidRequest:
    """Names the variables, which are what the caller can make shorter."""
    names = [f"variables.{name}" for name in event.values.by_name] or ["trigger_type"]
    return InvalidRequest([FieldViolation(name, f"with it, {text}") for name in names])
