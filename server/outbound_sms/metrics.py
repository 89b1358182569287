"""What Prometheus is told. Labels hold methods, codes, outcomes and carriers; never a tenant or a
number."""

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
BREAKER_STATE = Gauge(
    "outbound_sms_carrier_breaker_state",
    "Whether the circuit breaker of a carrier is closed (0), half-open (1) or open (2).",
    ["carrier"],
)
CARRIER_FAILURES = Counter(
    "outbound_sms_carrier_failures_total",
    "Calls that failed because of the carrier, not because of the message.",
    ["carrier"],
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
    "Delivery receipts that came in, by state; forged and malformed ones too, and those that "
    "turned out to be for no message of ours (unknown).",
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
SMPP_BOUND = Gauge("outbound_sms_smpp_bound", "SMPP sessions that are bound.", ["carrier"])
SMPP_IN_WINDOW = Gauge(
    "outbound_sms_smpp_in_window", "Submissions over SMPP that wait for an answer.", ["carrier"]
)
SMPP_RECONNECTS = Counter(
    "outbound_sms_smpp_reconnects_total",
    "SMPP sessions that ended, or did not come about, and were tried again.",
    ["carrier"],
)
SMPP_MALFORMED = Counter(
    "outbound_sms_smpp_malformed_total",
    "deliver_sm that held neither a receipt nor a text that we understand.",
    ["carrier"],
)
QUEUE_DEPTH = Gauge(
    "outbound_sms_queue_depth", "Rows of the queue, by state: ready, leased.", ["state"]
)
SENDING_LIMITS_REACHED = Counter(
    "outbound_sms_sending_limits_reached_total",
    "Limits against fraud that instances ran into: messages_per_day, spend_per_day, surge, "
    "messages_per_prefix.",
    ["limit"],
)
MESSAGES_PUT_OFF = Counter(
    "outbound_sms_messages_put_off_total",
    "Messages made to wait for the next hour, since their number's neighbours had had enough.",
)
TRIGGERED_PAUSED = Gauge(
    "outbound_sms_triggered_messages_paused",
    "Instances whose triggered messages are paused by a surge until somebody resumes them.",
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
