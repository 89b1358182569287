"""The signature of Telnyx's webhooks: Ed25519 over `TIMESTAMP|BODY`, made with the account's key.

The address that is called is not covered, so what a callback says must name its message itself, or
come to an address that nobody else can know. Source: Telnyx, "Webhook fundamentals".
"""

import base64
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from outbound_sms.carriers.carrier import Callback

SIGNATURE_HEADER = "telnyx-signature-ed25519"
TIMESTAMP_HEADER = "telnyx-timestamp"

LONGEST_DIFFERENCE = 300
"""Seconds between the time that was signed and ours. Telnyx repeats a callback with a new time."""

_TIMESTAMP = re.compile("[0-9]{1,12}")


def read_public_key(text: str) -> Ed25519PublicKey:
    """The public key as the account's portal shows it, in base64. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def verify(keys: Sequence[Ed25519PublicKey], callback: Callback, now: float) -> bool:
    """True when one of the keys signed it not longer ago than `LONGEST_DIFFERENCE`, nor later.

    `now` is Unix time in seconds. Never raises for hostile input.
    """
    timestamp = callback.headers.get(TIMESTAMP_HEADER, "")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > LONGEST_DIFFERENCE:
        return False
    try:
        given = base64.b64decode(callback.headers.get(SIGNATURE_HEADER, ""), validate=True)
    except ValueError:
        return False
    signed = timestamp.encode() + b"|" + callback.body
    return any(_is_signed(key, given, signed) for key in keys)


def _is_signed(key: Ed25519PublicKey, given: bytes, signed: bytes) -> bool:
    try:
        key.verify(given, signed)
    except InvalidSignature:
        return False
    return True
