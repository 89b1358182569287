"""Triggered messages: what an instance wants texted when something happens to an account."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

LONGEST_NAME = 100
MOST_MESSAGE_CATEGORIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredMessageValues:
    """What a caller decides about a triggered message.

    `trigger_type` is a key of the catalogue. `count` is in its unit, None for one without a unit;
    `job_type` is "" for one without job types. Without a signature or a sending number, the default
    at the time of an event is taken.

    The sending number may be disabled, so that it can be set up beforehand, or rest for a while.
    Until it is enabled an event gets NO_SENDING_NUMBER; no other number ever takes its place,
    because recipients know their sender by its number, and reply STOP to it.
    """

    name: str
    enabled: bool
    trigger_type: str
    count: int | None
    job_type: str
    signature_id: UUID | None
    sending_number_id: UUID | None
    allow_child_accounts: bool
    message_category_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredMessage(TriggeredMessageValues):
    """A triggered message as stored. `version` is its etag."""

    id: UUID
    version: int
    create_time: datetime
