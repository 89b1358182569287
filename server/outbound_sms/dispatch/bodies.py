"""Texts of messages about to be handed over; few are different, so nearly all come from memory."""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from outbound_sms.store import dispatch as store
from outbound_sms.store.pool import Database

KEPT = 2_000


class Bodies:
    """The texts used last, by body id."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._texts: OrderedDict[UUID, str] = OrderedDict()

    async def load(self, body_ids: Iterable[UUID]) -> dict[UUID, str]:
        """The texts of `body_ids`, read in one query where memory lacks them."""
        wanted = set(body_ids)
        missing = [body_id for body_id in wanted if body_id not in self._texts]
        found = {body_id: self._texts[body_id] for body_id in wanted if body_id in self._texts}
        if missing:
            read = await store.bodies(self._db, missing)
            found |= read
            self._texts.update(read)
        for body_id in wanted:
            self._texts.move_to_end(body_id)
        while len(self._texts) > KEPT:
            self._texts.popitem(last=False)
        return found
