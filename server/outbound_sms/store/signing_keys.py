"""Keys that all processes share: for cursors, page tokens and callback addresses."""

import secrets

from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("signing_keys")
_BYTES = 32


async def signing_key(db: Database, purpose: str) -> bytes:
    """The key of a purpose, such as `page_token`: 32 random bytes, made when first asked for."""
    secret: bytes | None = await db.fetchval(_SQL["get"], purpose)
    if secret is None:
        await db.execute(_SQL["add"], purpose, secrets.token_bytes(_BYTES))
        secret = await db.fetchval(_SQL["get"], purpose)
    if secret is None:
        raise RuntimeError("a signing key vanished; was the table emptied?")
    return secret
