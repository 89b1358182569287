"""What Prometheus is told. Labels hold methods, codes and outcomes; never a tenant or a number."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

_CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

CALLS = Counter("outbound_sms_rpc_calls_total", "RPCs that ended.", ["method", "code"])
CALL_SECONDS = Histogram(
    "outbound_sms_rpc_seconds", "How long unary RPCs took.", ["method"], buckets=_CALL_BUCKETS
)
UNARY_IN_FLIGHT = Gauge("outbound_sms_rpc_in_flight", "Unary RPCs in progress.")
STREAMS_OPEN = Gauge("outbound_sms_rpc_streams_open", "Streams that are open.")

MESSAGES_SUBMITTED = Counter(
    "outbound_sms_messages_submitted_total",
    "Messages handed to a carrier, by what came of it.",
    ["outcome"],
)
FENCED_WRITES = Counter(
    "outbound_sms_fenced_write_total",
    "Results that a worker brought after its lease had gone to another.",
)
IN_DOUBT = Gauge("outbound_sms_messages_in_doubt", "Messages that a carrier may have accepted.")
DOUBTS_RESOLVED = Counter(
    "outbound_sms_doubts_resolved_total",
    "Messages in doubt that were settled: accepted, not_sent, sent_again, failed.",
    ["how"],
)
RECEIPTS = Counter(
    "outbound_sms_receipts_total",
    "Delivery receipts that came in, by state; forged and malformed ones too.",
    ["state"],
)
INBOUND = Counter(
    "outbound_sms_inbound_total",
    "Texts to our numbers, by meaning: stop, start, help, unclear. Also repeated, forged and "
    "malformed ones, and those to a number that is not ours (not_ours).",
    ["meaning"],
)
TOP_UPS = Counter(
    "outbound_sms_top_ups_total",
    "Answers of the payment gateway about top-ups: paid, declined, unanswered, not_charged, "
    "processing, not_found, never_charged, paid_late.",
    ["outcome"],
)
QUEUE_DEPTH = Gauge(
    "outbound_sms_queue_depth", "Rows of the queue, by state: ready, leased.", ["state"]
)
LEDGER_VIOLATIONS = Gauge(
    "outbound_sms_ledger_violations",
    "Rows that broke an invariant of the ledger at the last check, by invariant; 20 at most.",
    ["invariant"],
)
LEDGER_CHECK_TIME = Gauge(
    "outbound_sms_ledger_check_timestamp_seconds",
    "When this process last checked the ledger; 0: not yet.",
)
LEDGER_CHECK_SECONDS = Gauge(
    "outbound_sms_ledger_check_seconds", "How long the last check of the ledger took."
)


def metrics_app() -> web.Application:
    """An application that answers GET /metrics; mount it or serve it on a port of its own."""
    app = web.Application()
    app.router.add_get("/metrics", _show)
    return app


async def _show(_request: web.Request) -> web.Response:
    # The header goes in as a whole: aiohttp's content_type argument takes no parameters.
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
