"""What a person should hear of a balance between two looks at it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from outbound_sms.domain.top_up import TopUpState
from outbound_sms.store.balances import Balance
from outbound_sms.store.top_ups import TopUp
from outboundsms.v1 import billing_pb2 as pb

_OPENED = (TopUpState.OPEN, TopUpState.CHARGING)


@dataclass(frozen=True, slots=True)
class Look:
    """A balance at one moment.

    `newest_unfunded` is when a text last could not be paid, of those that are kept; `top_ups` the
    states of the newest top-ups by id, of which `last_top_up` was opened last.
    """

    balance: Balance
    newest_unfunded: datetime | None
    top_ups: Mapping[UUID, TopUpState]
    last_top_up: TopUp | None


def events_at_first(look: Look) -> list[pb.BalanceEvent.ValueType]:
    """What is so now: funds are low, texts wait to be requeued, a top-up is open."""
    found = []
    if look.balance.low_funds:
        found.append(pb.BALANCE_EVENT_LOW_FUNDS)
    if look.balance.requeueable_messages:
        found.append(pb.BALANCE_EVENT_INSUFFICIENT_FUNDS)
    if any(state in _OPENED for state in look.top_ups.values()):
        found.append(pb.BALANCE_EVENT_TOP_UP_OPENED)
    return found


def events_between(before: Look, now: Look) -> list[pb.BalanceEvent.ValueType]:
    """What has happened since, in the order of the enumeration, each once.

    Also what was over again by the second look: times tell of it where amounts do not.
    """
    return sorted(set(_events_between(before, now)))


def _events_between(before: Look, now: Look) -> Iterator[pb.BalanceEvent.ValueType]:
    fell = now.balance.low_funds_time != before.balance.low_funds_time
    if fell or (now.balance.low_funds and not before.balance.low_funds):
        yield pb.BALANCE_EVENT_LOW_FUNDS
    if not now.balance.low_funds and (fell or before.balance.low_funds):
        yield pb.BALANCE_EVENT_FUNDS_RESTORED
    if now.newest_unfunded is not None and (
        before.newest_unfunded is None or now.newest_unfunded > before.newest_unfunded
    ):
        yield pb.BALANCE_EVENT_INSUFFICIENT_FUNDS
    for id_, state in now.top_ups.items():
        was = before.top_ups.get(id_)
        if was is None:
            yield pb.BALANCE_EVENT_TOP_UP_OPENED
        if state is not was:
            yield from _ended(state)


def _ended(state: TopUpState) -> Iterator[pb.BalanceEvent.ValueType]:
    match state:
        case TopUpState.OPEN | TopUpState.CHARGING:
            return
        case TopUpState.SUCCEEDED:
            yield pb.BALANCE_EVENT_TOP_UP_SUCCEEDED
        case TopUpState.FAILED:
            yield pb.BALANCE_EVENT_TOP_UP_FAILED
        case _:
            assert_never(state)
