"""What one sandbox gateway does, and for whom."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """The API key it knows, where it listens, and how it behaves. Times are in seconds.

    `latency`: between charging and answering, in which the idempotency key is in use.
    `late_seconds`: how late a late answer is. `search_lag`: before a payment can be searched for.
    `key_seconds`: how long an idempotency key is kept; a charge with the same key after that is
    another charge. `retained`: how many payments and keys are remembered.
    """

    api_key: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    late_seconds: float = 40.0
    search_lag: float = 0.0
    key_seconds: float = 24 * 3600.0
    retained: int = 100_000
