"""Numbers of ours that texts come from."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

FASTEST_RATE = 100_000.0


class KeywordReplies(IntEnum):
    """Who answers STOP, START and HELP: this service, the carrier's platform, or the network."""

    US = 1
    PROVIDER = 2
    NETWORK = 3


@dataclass(frozen=True, slots=True)
class SendingNumber:
    """A number with its carrier and its rate in carrier segments per second."""

    id: UUID
    e164: str
    carrier: str
    segments_per_second: float
    keyword_replies: KeywordReplies
    is_default: bool
    enabled: bool
    version: int
    create_time: datetime


@dataclass(frozen=True, slots=True)
class SendingNumberChange:
    """New values; None leaves a field as it is."""

    carrier: str | None = None
    segments_per_second: float | None = None
    keyword_replies: KeywordReplies | None = None
    is_default: bool | None = None
    enabled: bool | None = None
