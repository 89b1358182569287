"""Finding out who calls: the API key in the metadata of a call."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from outbound_sms.domain.access import StoredKey
from outbound_sms.domain.api_key import parse_key
from outbound_sms.domain.errors import Reason, Unauthenticated
from outbound_sms.rpc.caller import Caller
from outbound_sms.rpc.key_uses import KeyUses
from outbound_sms.store import api_keys
from outbound_sms.store.pool import Pool

HEADER = "authorization"
_SCHEME = "bearer "
_MOST_ENTRIES = 10_000
_ACQUIRE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class _Entry:
    key: StoredKey | None
    until: float


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    expire_time: datetime | None
    until: float


class Keys:
    """Checks API keys, remembering each answer, also that there is no such key, for `keep` seconds.

    So a key that was revoked is refused, and one whose role was changed is taken as what it is now,
    after `keep` seconds at most. `uses` hears of each use of a good key.
    """

    def __init__(
        self,
        pool: Pool,
        keep: float,
        uses: KeyUses,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._keep = keep
        self._uses = uses
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        # Whole headers that were good, by their SHA-256, so that no secret is kept.
        self._known: dict[bytes, _Known] = {}
        self._loading: dict[str, asyncio.Task[_Entry]] = {}

    async def caller_of(self, authorization: str | None) -> Caller:
        """The caller whose key the metadata holds. Raises Unauthenticated."""
        if authorization is None:
            raise Unauthenticated(
                Reason.API_KEY_MISSING,
                "Send an API key in the metadata, as authorization: Bearer KEY.",
            )
        digest = hashlib.sha256(authorization.encode()).digest()
        known = self._known.get(digest)
        if known is None or known.until < time.monotonic():
            known = await self._check(authorization)
            if len(self._known) >= _MOST_ENTRIES:
                self._known.clear()
            self._known[digest] = known
        if known.expire_time is not None and known.expire_time <= self._clock():
            raise _refused()
        self._uses.note(known.caller.api_key_id)
        return known.caller

    async def _check(self, authorization: str) -> _Known:
        scheme, text = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :]
        given = parse_key(text.strip()) if scheme.lower() == _SCHEME else None
        if given is None:
            raise _refused()
        entry = self._entries.get(given.lookup_id)
        if entry is None or entry.until < time.monotonic():
            entry = await self._load(given.lookup_id)
        key = entry.key
        if key is None or key.revoke_time is not None or not given.matches(key.secret_hash):
            raise _refused()
        caller = Caller(
            key.instance_id,
            key.api_key_id,
            key.name,
            key.rights.permissions,
            key.rights.super_admin,
            key.rights.platform_operator,
        )
        return _Known(caller, key.expire_time, entry.until)

    async def _load(self, lookup_id: str) -> _Entry:
        """One query for all calls that wait for the same key; none of them can cancel it."""
        task = self._loading.get(lookup_id)
        if task is None:
            task = asyncio.create_task(self._query(lookup_id))
            self._loading[lookup_id] = task
            task.add_done_callback(lambda done: self._loaded(lookup_id, done))
        return await asyncio.shield(task)

    def _loaded(self, lookup_id: str, task: "asyncio.Task[_Entry]") -> None:
        del self._loading[lookup_id]
        # Read here as well, in case that everyone who waited has gone.
        if not task.cancelled():
            task.exception()

    async def _query(self, lookup_id: str) -> _Entry:
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            key = await api_keys.find_key(connection, lookup_id)
        entry = _Entry(key, time.monotonic() + self._keep)
        # Dropping all costs a query for each key in use; made-up ids cannot fill the memory.
        if len(self._entries) >= _MOST_ENTRIES:
            self._entries.clear()
        self._entries[lookup_id] = entry
        return entry


def _refused() -> Unauthenticated:
    # The same words for unknown, expired and revoked: a caller without a key learns nothing.
    return Unauthenticated(
        Reason.API_KEY_INVALID, "This API key is unknown, expired or revoked; use another."
    )
