"""Secrets of configuration files, encrypted: `sealed:KEYID:BASE64`.

AES-256-GCM with a random nonce, which is the first 12 bytes of what is in base64. The key that the
secret has in its file, such as `carrier.primary.auth_token`, is authenticated with it: a sealed
text that is moved to another key does not open. Source: NIST SP 800-38D.
"""

import base64
import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outbound_sms.sealing_keys import KEY_ID, SealingKeys

PREFIX = "sealed:"
_NONCE_BYTES = 12
_SEALED = re.compile(rf"{PREFIX}(?P<key_id>{KEY_ID.pattern}):(?P<base64>[A-Za-z0-9+/]+={{0,2}})")


class CannotOpen(ValueError):
    """A sealed text that does not open. Says why and what to do, and nothing of the secret."""


def seal(keys: SealingKeys, name: str, secret: str) -> str:
    """The sealed text of a secret that its file has under `name`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    cipher = AESGCM(keys.keys[keys.sealing])
    sealed = nonce + cipher.encrypt(nonce, secret.encode(), name.encode())
    return f"{PREFIX}{keys.sealing}:{base64.b64encode(sealed).decode()}"


def is_sealed(text: str) -> bool:
    """Whether a text says that it is sealed."""
    return text.startswith(PREFIX)


def open_sealed(keys: SealingKeys | None, name: str, text: str) -> str:
    """The secret that was sealed for `name`. Raises CannotOpen. `keys` None: there are none."""
    found = _SEALED.fullmatch(text)
    if found is None:
        raise CannotOpen(f"must look like {PREFIX}KEYID:BASE64; {_again(name)}")
    if keys is None:
        raise CannotOpen(
            "is sealed: set OUTBOUND_SMS_SEALING_KEYS to the file with the key that opens it"
        )
    key_id = found["key_id"]
    key = keys.keys.get(key_id)
    if key is None:
        raise CannotOpen(
            f"is sealed with the key {key_id}, which the file of sealing keys does not have; add "
            f"it there, or {_again(name)}"
        )
    try:
        # Raises for a text that is too short as it does for one that was changed.
        raw = base64.b64decode(found["base64"], validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode()).decode()
    except (InvalidTag, ValueError):
        # Without the cause: nothing of what was read belongs into a log.
        raise CannotOpen(
            f"does not open with the key {key_id}: it was changed, or sealed for another name; "
            f"{_again(name)}"
        ) from None


def _again(name: str) -> str:
    return f"seal the secret again with `outbound-sms admin seal {name}`"
