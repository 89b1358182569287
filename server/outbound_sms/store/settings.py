"""The SMS settings of an instance."""

from uuid import UUID

import asyncpg

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.errors import Conflict, Reason, WrongState
from outbound_sms.domain.language import Language
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.domain.sms_settings import SmsSettings, SmsSettingsChange
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Database
from outbound_sms.store.price_lists import read_price_list

_SQL = sql.load("settings")


async def get_sms_settings(db: Database, instance_id: UUID) -> SmsSettings:
    """The settings; the instance must exist, as that of a caller does."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    assert row is not None
    return _settings(row)


async def update_sms_settings(
    db: Database, instance_id: UUID, version: int | None, change: SmsSettingsChange
) -> SmsSettings:
    """The settings after it; `version` None overwrites any.

    Raises Conflict (ETAG_MISMATCH), and WrongState (SMS_NOT_AVAILABLE) for enabling an instance
    that cannot send.
    """
    hours = change.quiet_hours.hours if change.quiet_hours is not None else None
    with translate({"instance_sms_available": _unavailable}):
        row = await db.fetchrow(
            _SQL["update"],
            instance_id,
            version,
            change.enabled,
            change.time_zone,
            change.billing_rule,
            change.default_language,
            change.quiet_hours is not None,
            hours.start if hours else None,
            hours.end if hours else None,
            hours.mode if hours else None,
            change.low_funds_threshold_micros,
        )
    if row is None:
        current = await get_sms_settings(db, instance_id)
        raise Conflict(
            Reason.ETAG_MISMATCH,
            "The settings changed since they were read; read them again and repeat.",
            etag=str(current.version),
        )
    return _settings(row)


def _unavailable() -> WrongState:
    return WrongState(
        Reason.SMS_NOT_AVAILABLE, "Sending is not available to this instance; read its settings."
    )


def _settings(row: asyncpg.Record) -> SmsSettings:
    values = dict(row)
    values["billing_rule"] = BillingRule(values["billing_rule"])
    values["default_language"] = Language(values["default_language"])
    start, end = values.pop("quiet_start"), values.pop("quiet_end")
    mode = QuietMode(values.pop("quiet_mode"))
    priced = {name: values.pop(name) for name in list(values) if name.startswith("price_")}
    return SmsSettings(
        quiet_hours=QuietHours(start, end, mode) if start is not None else None,
        prices=read_price_list(priced, values["currency"]),
        **values,
    )
