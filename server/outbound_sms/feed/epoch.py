"""Which history of which cluster positions belong to, and what that makes of an older cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from outbound_sms.store import feed_upkeep
from outbound_sms.store.feed import FeedNeedsRebase
from outbound_sms.store.feed_upkeep import Epoch
from outbound_sms.store.pool import Connection

_log = structlog.get_logger(__name__)

# What a server is called that does not let us ask who it is.
_UNKNOWN = (0, 0)


@dataclass(frozen=True, slots=True)
class Epochs:
    """Every epoch of the feed, oldest first; the last is the current one."""

    known: Sequence[Epoch]

    @property
    def current(self) -> int:
        """The number of the current epoch."""
        return self.known[-1].number

    def rewound(self, pos: int, epoch: int) -> int:
        """The position in the current epoch from which nothing is missed after `pos` in `epoch`.

        What lay at or after the start of a later epoch was lost with the old history, and the same
        positions were given out again: a reader goes back to that start, and may see things twice.
        """
        for later in self.known:
            if later.number > epoch:
                pos = min(pos, later.start_pos - 1)
        return pos


async def ensure_epoch(connection: Connection) -> Epochs:
    """Starts a new epoch if the database has another history than when last seen; returns all.

    Every process does this on each new connection before it ticks, so that no position is given out
    twice within an epoch. Raises `FeedNeedsRebase` when this is not the cluster that the feed's
    transaction ids are of.
    """
    cluster = await _identify(connection)
    async with connection.transaction():
        epochs = await feed_upkeep.list_epochs(connection)
        if not _has_moved(epochs, cluster):
            return Epochs(epochs)
        await feed_upkeep.lock_gate(connection)
        epochs = await feed_upkeep.list_epochs(connection)
        if _has_moved(epochs, cluster):
            if epochs:
                _log.warning("feed_new_epoch", timeline=cluster[1])
            await feed_upkeep.add_epoch(connection, *cluster)
            epochs = await feed_upkeep.list_epochs(connection)
    return Epochs(epochs)


async def _identify(connection: Connection) -> tuple[int, int]:
    try:
        return await feed_upkeep.read_cluster(connection)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError):
        _log.warning(
            "feed_cluster_unknown",
            hint="GRANT EXECUTE ON FUNCTION pg_control_system(), so that a fail-over is noticed",
        )
        return _UNKNOWN


def _has_moved(epochs: Sequence[Epoch], cluster: tuple[int, int]) -> bool:
    if not epochs:
        return True
    newest = epochs[-1]
    if _UNKNOWN in (cluster, (newest.system_identifier, newest.timeline_id)):
        # Not known now: nothing to compare. Not known then: start an epoch to have it on record.
        return cluster != _UNKNOWN
    if newest.system_identifier != cluster[0]:
        raise FeedNeedsRebase("the database was restored into another cluster")
    return newest.timeline_id != cluster[1]
