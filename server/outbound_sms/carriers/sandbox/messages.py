"""The messages that the sandbox has accepted: a bounded index, and the accept log that keeps all.

The accept log is what tests believe: a line is in the file before the submission is answered.
"""

import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Message:
    """One accepted message, as far as it has come. `sequence` counts the accepted from 1."""

    sequence: int
    sid: str
    recipient: str
    sender: str
    service_sid: str | None
    body: str
    segments: int
    created: datetime
    status_callback: str | None
    status: str = "queued"
    error_code: int | None = None
    sent: datetime | None = None

    def accepted_record(self) -> dict[str, Any]:
        """The message's line in the accept log."""
        return {
            "sid": self.sid,
            "to": self.recipient,
            "from": self.sender,
            "messaging_service_sid": self.service_sid,
            "body": self.body,
            "time": self.created.isoformat(),
            "status_callback": self.status_callback,
        }

    def resource(self, account_sid: str) -> dict[str, Any]:
        """The message as Twilio's API shows it."""
        created = format_datetime(self.created)
        return {
            "account_sid": account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": created,
            "date_sent": format_datetime(self.sent) if self.sent else None,
            "date_updated": created,
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": self.service_sid,
            "num_media": "0",
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {},
            "to": self.recipient,
            "uri": f"/2010-04-01/Accounts/{account_sid}/Messages/{self.sid}.json",
        }


class MessageIndex:
    """The last `retained` messages, by id and by recipient."""

    def __init__(self, retained: int, accept_log: Path | None) -> None:
        self._retained = retained
        self._by_sid: OrderedDict[str, Message] = OrderedDict()
        self._by_recipient: dict[str, deque[Message]] = {}
        # Unbuffered: the line must be in the file when the submission is answered.
        self._log = accept_log.open("ab", buffering=0) if accept_log else None
        self.accepted = 0

    def accept(
        self,
        *,
        recipient: str,
        sender: str,
        service_sid: str | None,
        body: str,
        segments: int,
        status_callback: str | None,
    ) -> Message:
        """Records a message, in the log first."""
        self.accepted += 1
        message = Message(
            sequence=self.accepted,
            sid=f"SM{secrets.token_hex(16)}",
            recipient=recipient,
            sender=sender,
            service_sid=service_sid,
            body=body,
            segments=segments,
            created=datetime.now(UTC),
            status_callback=status_callback,
        )
        if self._log is not None:
            self._log.write(json.dumps(message.accepted_record()).encode() + b"\n")
        self._by_sid[message.sid] = message
        self._by_recipient.setdefault(recipient, deque()).append(message)
        if len(self._by_sid) > self._retained:
            self._forget_oldest()
        return message

    def get(self, sid: str) -> Message | None:
        """The message with this id, or None when it is unknown or no longer retained."""
        return self._by_sid.get(sid)

    def newest_first(self, recipient: str | None = None) -> Iterator[Message]:
        """The retained messages, to one recipient when given."""
        if recipient is None:
            return reversed(self._by_sid.values())
        return reversed(self._by_recipient.get(recipient, deque()))

    def close(self) -> None:
        """Closes the accept log."""
        if self._log is not None:
            self._log.close()

    def _forget_oldest(self) -> None:
        _, oldest = self._by_sid.popitem(last=False)
        to_same = self._by_recipient[oldest.recipient]
        to_same.popleft()
        if not to_same:
            del self._by_recipient[oldest.recipient]
