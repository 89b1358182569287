"""When a message that its carrier surely did not accept is tried again."""

import random

from outbound_sms.domain.reason import REASONS

BACK_OFF_SECONDS = (1.0, 5.0, 25.0, 60.0, 60.0)
"""Pause after the first, second ... failure. As many failures as entries and the message fails."""

JITTER = 0.2
"""Share by which a pause is lengthened or shortened: many failures do not return at once."""


def may_be_tried_again(reason: str) -> bool:
    """Whether a message that a carrier refused for `reason` may go out later: the refusal passes,
    or it is about our account and says nothing of the message."""
    known = REASONS.get(reason)
    return known is not None and (known.retryable or known.group == "ACCOUNT")


def gives_up(failures: int) -> bool:
    """Whether a message that has failed `failures` times is not tried again."""
    return failures >= len(BACK_OFF_SECONDS)


def pause_seconds(failures: int, chance: random.Random) -> float:
    """Seconds to wait after the `failures`-th failure, from 1, jittered by up to 20 %."""
    base = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS)) - 1]
    return base * (1 + JITTER * (2 * chance.random() - 1))
