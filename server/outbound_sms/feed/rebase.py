"""Makes the feed of a database usable that was restored, by pg_restore, into another cluster."""

from outbound_sms.store import feed_upkeep
from outbound_sms.store.pool import Connection


async def rebase(connection: Connection) -> None:
    """Feeds what the old cluster had not, loses nothing, repeats nothing; harmless when not needed.

    Stored transaction ids and snapshots belong to the cluster that made them; in another one the
    tick would pass events over in silence, so it refuses to run until this has been done. Writers
    wait meanwhile. Starts a new epoch: cursors of things that the restore lost are rewound.

    The connection must not be in a transaction, and have no statement timeout shorter than an hour.
    """
    system_identifier, timeline_id = await feed_upkeep.read_cluster(connection)
    async with connection.transaction(isolation="read_committed"):
        await feed_upkeep.rebase(connection)
        await feed_upkeep.add_epoch(connection, system_identifier, timeline_id)
