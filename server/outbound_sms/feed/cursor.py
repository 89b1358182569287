"""Cursors: where a stream was, signed, so that a client can neither read them nor make them up."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.errors import InvalidRequest, Reason

# Version, epoch, instance, filter, position; then 16 bytes of HMAC-SHA256.
_LAYOUT = struct.Struct(">BI16s8sq")
_VERSION = 1
_MAC_BYTES = 16
_LENGTH = len(base64.urlsafe_b64encode(bytes(_LAYOUT.size + _MAC_BYTES)).rstrip(b"="))

ANY_FILTER = bytes(8)
"""The filter of a cursor that was not made by a stream: it starts a watch with any filter."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position in the feed, in the epoch that gave it out."""

    epoch: int
    pos: int


class Cursors:
    """Makes and reads cursors. `key` is shared by all processes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, position: Position, instance_id: UUID, filter_hash: bytes = ANY_FILTER) -> str:
        """The cursor of a position in one instance's stream with one filter."""
        body = _LAYOUT.pack(_VERSION, position.epoch, instance_id.bytes, filter_hash, position.pos)
        return base64.urlsafe_b64encode(body + self._mac(body)).rstrip(b"=").decode()

    def decode(self, token: str, instance_id: UUID, filter_hash: bytes) -> Position:
        """The position of a cursor. Raises InvalidRequest (CURSOR_INVALID) for any other text."""
        raw = _unpack(token)
        if raw is not None:
            body, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
            version, epoch, instance, bound, pos = _LAYOUT.unpack(body)
            if (
                hmac.compare_digest(mac, self._mac(body))
                and version == _VERSION
                and instance == instance_id.bytes
                and bound in (filter_hash, ANY_FILTER)
            ):
                return Position(epoch, pos)
        raise InvalidRequest.of(
            "cursor",
            "is not a cursor of this stream; give one as the service returned it, with the filters "
            "that it was returned for, or none",
            Reason.CURSOR_INVALID,
        )

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]


def filter_hash(mass_message_id: UUID | None) -> bytes:
    """What binds a cursor to the filter of its stream."""
    text = b"all" if mass_message_id is None else mass_message_id.bytes
    return hashlib.sha256(text).digest()[:8]


def _unpack(token: str) -> bytes | None:
    """The bytes of a token; None unless it is written exactly as `encode` would write them."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-_LENGTH % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    written = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return raw if written == token else None
