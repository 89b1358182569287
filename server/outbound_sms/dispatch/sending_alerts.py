"""Tells the operator, in the log and the metrics, of limits against fraud that claims ran into."""

import structlog

from outbound_sms import metrics
from outbound_sms.store.pool import Pool
from outbound_sms.store.sending_limits import AlertKind, count_paused, take_alerts

log = structlog.get_logger(__name__)

ALERT_INTERVAL = 2.0


async def tell_sending_alerts_once(pool: Pool) -> int:
    """Tells of what nobody has told of yet; returns how many limits that were."""
    alerts = await take_alerts(pool)
    for alert in alerts:
        metrics.SENDING_LIMITS_REACHED.labels(alert.kind.name.lower()).inc()
        instance_id, messages = str(alert.instance_id), alert.messages
        if alert.kind is AlertKind.SURGE:
            log.error(
                "triggered messages paused: many times the usual of them in an hour",
                action="sending_limits",
                instance_id=instance_id,
                triggered_this_hour=messages,
            )
            continue
        if alert.kind is AlertKind.MESSAGES_PER_PREFIX:
            metrics.MESSAGES_PUT_OFF.inc(messages)
        log.warning(
            "sending limit reached",
            action="sending_limits",
            instance_id=instance_id,
            limit=alert.kind.name.lower(),
            messages=messages,
        )
    metrics.TRIGGERED_PAUSED.set(await count_paused(pool))
    return len(alerts)
