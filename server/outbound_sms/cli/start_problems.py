"""What may keep a server from starting on this machine; each says in its text what to do."""

import asyncpg

from outbound_sms.cli.child import ChildFailed
from outbound_sms.postgres.binaries import BinariesNotFound
from outbound_sms.postgres.folder import FolderUnavailable
from outbound_sms.postgres.leftover import LeftoverServer
from outbound_sms.postgres.process import PostgresNotStarted
from outbound_sms.store.migrate import MigrationError

START_PROBLEMS: tuple[type[Exception], ...] = (
    ChildFailed,
    BinariesNotFound,
    FolderUnavailable,
    LeftoverServer,
    PostgresNotStarted,
    MigrationError,
    asyncpg.PostgresError,
    OSError,
)
