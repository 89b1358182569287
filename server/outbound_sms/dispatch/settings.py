"""The dispatcher's limits, in one value that tests and benchmarks can change."""

from dataclasses import dataclass

from outbound_sms.dispatch.breaker import FIRST_PAUSE, LONGEST_PAUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """Sizes in messages, times in seconds."""

    claim_batch: int = 500
    """Most messages of one sending number in one claim."""
    intent_batch: int = 128
    """Messages whose intent is committed together. A crash puts in doubt what is being handed over
    and up to this many and half the workers more: 512 of a carrier that takes 256 calls, 224 of one
    that takes 64."""
    window: int = 2_000
    """Most messages of one carrier, in one process, that are leased and not settled, however fast
    the carrier is."""
    workers: int = 256
    """Calls to one carrier that are open at a time, in one process, if it takes as many."""
    breaker_pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE)
    """How long a carrier that fails is left alone: the first time, and the longest time."""
    lease: float = 45.0
    call: float = 15.0
    """The longest that a carrier's answer may take."""
    call_margin: float = 5.0
    """What a lease must have left, beyond the longest call, when the call begins."""
    poll: float = 0.25
    """How long an idle dispatcher waits before it looks again without being woken."""
    settle_batch: int = 500
    settle_delay: float = 0.03
    """How long the first outcome of a batch waits for others, and a receipt for more receipts. At
    4,000 messages a second 0.01 cost a tenth of the rate (measured)."""
    rescue_interval: float = 5.0
    look_up_after: tuple[float, ...] = (5.0, 30.0, 120.0)
    """Ages of a doubt at which the carrier is asked. Not found at the last: it was not sent."""
    doubt_limit: float = 900.0
    """Age at which a doubt that nothing could settle is decided by the message's policy."""
    receipt_batch: int = 500
    drain: float = 20.0
    """How long a stopping dispatcher waits for calls to end."""

    @property
    def call_needs(self) -> float:
        """Seconds that a lease must still have when a call begins."""
        return self.call + self.call_margin
