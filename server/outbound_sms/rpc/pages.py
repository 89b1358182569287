"""Pages of a list: their size, and tokens that only this service can make."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol, cast

from google.protobuf.message import Message

from outbound_sms.domain.errors import InvalidRequest, Reason, Violations
from outbound_sms.rpc.caller import current_caller

DEFAULT_SIZE = 50
LARGEST_SIZE = 1_000
_MAC_BYTES = 16
_LONGEST_TOKEN = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows to return, and the key after which they start; None means from the start."""

    size: int
    after: str | None


class _ListRequest(Protocol):
    page_size: int
    page_token: str


class Pages:
    """Reads page sizes and tokens, and makes tokens. `key` is shared by all processes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def read(self, request: Message) -> Page:
        """The page that a list request asks for.

        Raises InvalidRequest for a negative size, and with PAGE_TOKEN_INVALID for a token that is
        not of this service, or of another instance, another method or other arguments. The size may
        change from page to page.
        """
        asked = cast(_ListRequest, request)
        violations = Violations()
        if asked.page_size < 0:
            violations.add("page_size", "is negative; give 1 to 1000, or 0 for 50")
        violations.raise_if_any()
        size = min(asked.page_size or DEFAULT_SIZE, LARGEST_SIZE)
        return Page(size, self._open(request, asked.page_token) if asked.page_token else None)

    def next_token(self, request: Message, last: str) -> str:
        """The token of the page that starts after the key `last`, for the same arguments."""
        key = last.encode()
        return base64.urlsafe_b64encode(self._mac(request, key) + key).rstrip(b"=").decode()

    def _open(self, request: Message, token: str) -> str:
        try:
            raw = base64.b64decode(
                token[:_LONGEST_TOKEN] + "=" * (-len(token) % 4), altchars=b"-_", validate=True
            )
            mac, key = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(request, key)):
                return key.decode()
        except (binascii.Error, ValueError):
            pass
        raise InvalidRequest.of(
            "page_token",
            "does not belong to this list; repeat the same arguments, or start without a token",
            Reason.PAGE_TOKEN_INVALID,
        )

    def _mac(self, request: Message, key: bytes) -> bytes:
        arguments = type(request)()
        arguments.CopyFrom(request)
        arguments.ClearField("page_size")
        arguments.ClearField("page_token")
        bound = hashlib.sha256(arguments.SerializeToString(deterministic=True)).digest()
        parts = (
            current_caller().instance_id.bytes,
            hashlib.sha256(request.DESCRIPTOR.full_name.encode()).digest(),
            bound,
            key,
        )
        return hmac.digest(self._key, b"".join(parts), "sha256")[:_MAC_BYTES]
