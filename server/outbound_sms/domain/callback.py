"""The address that a carrier calls with receipts for one attempt.

It names the message and the attempt, so that a receipt finds its message even when the answer to
the submission was lost or comes later; a MAC keeps anyone else from naming them.
"""

import hashlib
import hmac
from collections.abc import Mapping
from uuid import UUID

MAC_BYTES = 16


class CallbackAddress:
    """Makes and checks receipt addresses below one public base address."""

    def __init__(self, base_url: str, key: bytes) -> None:
        self._base = base_url.rstrip("/")
        self._key = key

    def url(self, carrier: str, message_id: UUID, attempt: int) -> str:
        """The address for receipts of `attempt` (from 1) of a message."""
        query = f"m={message_id}&a={attempt}&s={self._mac(carrier, message_id, attempt)}"
        return f"{self._base}/receipts/{carrier}?{query}"

    def public_url(self, path_and_query: str) -> str:
        """The address as the carrier was given it, which its own signature covers."""
        return self._base + path_and_query

    def read(self, carrier: str, query: Mapping[str, str]) -> tuple[UUID, int] | None:
        """The message and attempt that `query` names, or None when the address is not ours."""
        try:
            message_id, attempt = UUID(query["m"]), int(query["a"])
            given = query["s"]
        except (KeyError, ValueError):
            return None
        if not 1 <= attempt <= 32_767:
            return None
        if not hmac.compare_digest(
            self._mac(carrier, message_id, attempt).encode(), given.encode()
        ):
            return None
        return message_id, attempt

    def _mac(self, carrier: str, message_id: UUID, attempt: int) -> str:
        text = f"{carrier}\n{message_id}\n{attempt}".encode()
        return hmac.digest(self._key, text, hashlib.sha256)[:MAC_BYTES].hex()
