"""What one sandbox carrier does, and for whom."""

from dataclasses import dataclass, field
from pathlib import Path

from outbound_sms.carriers.sandbox.faults import FaultPlan


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """The account it knows, where it listens, and how it behaves. Times are in seconds.

    `latency`: between accepting a message and answering. `segments_per_second`: more than this is
    answered with 429; None means no limit. `receipt_delay`: before each of the sent and final
    callbacks. `retained`: how many messages can still be listed; the accept log keeps them all.
    `inbound_url`: who is told what phones text back; None for the server of the newest message that
    has a status callback.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    accept_log: Path | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    latency: float = 0.0
    segments_per_second: float | None = None
    receipt_delay: float = 0.1
    callback_connections: int = 64
    callback_attempts: int = 6
    callback_backoff: float = 0.2
    callback_timeout: float = 5.0
    retained: int = 100_000
    inbound_url: str | None = None
    inbound_timeout: float = 15.0
