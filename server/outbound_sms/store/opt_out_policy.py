"""Whom a STOP stops: the one decision of the operator about consent, for the whole service.

It is in the database, so that every process of every server decides alike.
"""

from outbound_sms.domain.opt_out_scope import OptOutScope
from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("opt_out_policy")


async def get_opt_out_scope(db: Database) -> OptOutScope:
    """The scope of the next STOP."""
    return OptOutScope(await db.fetchval(_SQL["get"]))


async def set_opt_out_scope(db: Database, scope: OptOutScope) -> None:
    """Changes the scope of what is said from now; the caller's login owns the schema."""
    await db.execute(_SQL["set"], scope)
