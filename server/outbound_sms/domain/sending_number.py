"""Numbers of ours that texts come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from uuid import UUID

FASTEST_RATE = 100_000.0
MOST_ROUTES = 8
LARGEST_WEIGHT = 100


class KeywordReplies(IntEnum):
    """Who answers STOP, START and HELP: this service, the carrier's platform, or the network."""

    US = 1
    PROVIDER = 2
    NETWORK = 3


@dataclass(frozen=True, slots=True)
class CarrierRoute:
    """A carrier that may take the texts of a number.

    `weight` (0 to 100) is its share, relative to those of the other routes; 0 is a standby.
    `sender` is what the carrier is told as the sender; None: the number.
    """

    carrier: str
    weight: int = LARGEST_WEIGHT
    sender: str | None = None


def main_carrier(routes: Sequence[CarrierRoute]) -> str:
    """The carrier with the largest weight, the first of them where several have it."""
    return max(routes, key=lambda route: route.weight).carrier


@lru_cache(maxsize=1024)
def alone(carrier: str) -> tuple[CarrierRoute, ...]:
    """The route of a number that has no others than its carrier."""
    return (CarrierRoute(carrier),)


@dataclass(frozen=True, slots=True)
class SendingNumber:
    """A number with its carriers and its rate in carrier segments per second.

    `carrier` takes the texts alone when there are no routes, else it is that with the largest
    weight.
    """

    id: UUID
    e164: str
    carrier: str
    segments_per_second: float
    keyword_replies: KeywordReplies
    is_default: bool
    enabled: bool
    version: int
    create_time: datetime
    routes: tuple[CarrierRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class SendingNumberChange:
    """New values; None leaves a field as it is. `carrier` must be one of the routes that the number
    then has, if it has any."""

    carrier: str | None = None
    segments_per_second: float | None = None
    keyword_replies: KeywordReplies | None = None
    is_default: bool | None = None
    enabled: bool | None = None
    routes: tuple[CarrierRoute, ...] | None = None
