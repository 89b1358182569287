"""API keys: `sms_live_<lookup id>_<secret>_<checksum>`.

The lookup id finds the row, the secret proves the right to it, and the checksum lets a mistyped key
be refused without asking the database, and a leaked one be found by scanners. The secret holds 256
random bits, so a plain SHA-256 of it is enough: there is no dictionary to try.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

_ALPHABET = string.ascii_letters + string.digits
_LOOKUP_LENGTH = 12
_SECRET_LENGTH = 43
_KEY = re.compile(r"(sms_live_([A-Za-z0-9]{12})_([A-Za-z0-9]{43}))_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class ApiKeySecret:
    """A key in parts; `text` is what the caller sends, and is never stored."""

    lookup_id: str
    text: str = field(repr=False)
    secret_hash: bytes = field(repr=False)

    def matches(self, stored_hash: bytes) -> bool:
        """Whether the secret is the stored one, in constant time."""
        return hmac.compare_digest(self.secret_hash, stored_hash)


def make_key() -> ApiKeySecret:
    """A new random key."""
    lookup_id = _random(_LOOKUP_LENGTH)
    secret = _random(_SECRET_LENGTH)
    signed = f"sms_live_{lookup_id}_{secret}"
    return ApiKeySecret(lookup_id, f"{signed}_{_checksum(signed)}", _hash(secret))


def parse_key(text: str) -> ApiKeySecret | None:
    """The parts of a key, or None when it is not written like one or was mistyped."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    signed, lookup_id, secret, checksum = found.groups()
    if checksum != _checksum(signed):
        return None
    return ApiKeySecret(lookup_id, text, _hash(secret))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(signed: str) -> str:
    return f"{zlib.crc32(signed.encode()):08x}"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
