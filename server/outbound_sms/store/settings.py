"""The SMS settings of an instance."""

from uuid import UUID

import asyncpg

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.errors import Conflict, Reason
from outbound_sms.domain.language import Language
from outbound_sms.domain.sms_settings import SmsSettings, SmsSettingsChange
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("settings")


async def get_sms_settings(db: Database, instance_id: UUID) -> SmsSettings:
    """The settings; the instance must exist, as that of a caller does."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    assert row is not None
    return _settings(row)


async def update_sms_settings(
    db: Database, instance_id: UUID, version: int | None, change: SmsSettingsChange
) -> SmsSettings:
    """The settings after it; `version` None overwrites any. Raises Conflict (ETAG_MISMATCH)."""
    row = await db.fetchrow(
        _SQL["update"],
        instance_id,
        version,
        change.enabled,
        change.time_zone,
        change.billing_rule,
        change.default_language,
    )
    if row is None:
        current = await get_sms_settings(db, instance_id)
        raise Conflict(
            Reason.ETAG_MISMATCH,
            "The settings changed since they were read; read them again and repeat.",
            etag=str(current.version),
        )
    return _settings(row)


def _settings(row: asyncpg.Record) -> SmsSettings:
    values = dict(row)
    values["billing_rule"] = BillingRule(values["billing_rule"])
    values["default_language"] = Language(values["default_language"])
    return SmsSettings(**values)
