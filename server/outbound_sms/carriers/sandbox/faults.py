"""What goes wrong on purpose: a share of the submissions by seed, and single ones by request.

Whether a submission fails depends only on the seed, its recipient and how often that recipient was
submitted before. So a run can be repeated exactly, however its submissions interleave.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from outbound_sms.sandbox_faults import RequestedFaults

_MAX_COUNTED_RECIPIENTS = 1_000_000


class Fault(StrEnum):
    """One way in which a submission goes wrong."""

    DROP = "drop"
    """The connection breaks before the message is accepted."""
    ACCEPT_DROP = "accept-drop"
    """The message is accepted, and the connection breaks before the answer."""
    ACCEPT_LATE = "accept-late"
    """The message is accepted, and the answer comes after `late_seconds`."""
    THROTTLE = "429"
    """Not accepted: code 20429, to be tried again in a second."""
    REFUSE = "400"
    """Not accepted: code 21211."""
    ERROR = "500"
    """Not accepted: code 20500."""
    ACCEPT_ERROR = "accept-500"
    """Accepted all the same, and answered with code 20500."""


ACCEPTING = frozenset({Fault.ACCEPT_DROP, Fault.ACCEPT_LATE, Fault.ACCEPT_ERROR})


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The probability of each fault; what is left of 1 goes well."""

    probabilities: Mapping[Fault, float] = field(default_factory=dict)
    seed: int = 0
    late_seconds: float = 20.0

    @classmethod
    def parse(cls, spec: str, *, seed: int = 0, late_seconds: float = 20.0) -> "FaultPlan":
        """Reads `drop=0.03,accept-drop=0.03,429=0.04`. Raises ValueError with all that is wrong."""
        probabilities: dict[Fault, float] = {}
        problems = []
        for part in filter(None, (part.strip() for part in spec.split(","))):
            name, _, value = part.partition("=")
            try:
                fault = Fault(name.strip())
            except ValueError:
                problems.append(f"{name}: unknown fault, expected one of {', '.join(Fault)}")
                continue
            try:
                probability = float(value)
            except ValueError:
                probability = -1.0
            if not 0 <= probability <= 1:
                problems.append(f"{name}: must be a probability from 0 to 1")
            probabilities[fault] = probability
        if not problems and sum(probabilities.values()) > 1:
            problems.append("the probabilities add up to more than 1")
        if problems:
            raise ValueError("; ".join(problems))
        return cls(probabilities, seed, late_seconds)

    def fault_of(self, recipient: str, nth: int) -> Fault | None:
        """What happens to the `nth` submission (from 0) for this recipient. Pure."""
        if not self.probabilities:
            return None
        digest = blake2b(f"{self.seed}:{recipient}:{nth}".encode(), digest_size=8).digest()
        drawn = int.from_bytes(digest, "big") / 2**64
        for fault, probability in self.probabilities.items():
            drawn -= probability
            if drawn < 0:
                return fault
        return None


class FaultScript:
    """The plan together with the faults that were requested one by one, which come first."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._submitted: Counter[str] = Counter()
        self.requested = RequestedFaults[Fault]()

    def next(self, recipient: str) -> Fault | None:
        """What happens to the submission that has just arrived for this recipient."""
        requested = self.requested.next(recipient)
        if requested is not None:
            return requested
        if not self._plan.probabilities:
            return None
        if len(self._submitted) > _MAX_COUNTED_RECIPIENTS:
            self._submitted.clear()
        nth = self._submitted[recipient]
        self._submitted[recipient] = nth + 1
        return self._plan.fault_of(recipient, nth)
