"""The magic recipient numbers: what becomes of a message depends on the number it is sent to.

Any area code, exchange 555, and:

| number   | outcome                                                     |
|----------|-------------------------------------------------------------|
| 555-0190 | undelivered, 30003: handset unreachable                     |
| 555-0191 | undelivered, 30005: unknown handset                         |
| 555-0192 | undelivered, 30006: landline or unreachable carrier         |
| 555-0193 | undelivered, 30007: filtered as spam                        |
| 555-0194 | failed, 30008: unknown error                                |
| 555-0195 | refused, 21211: not a valid number                          |
| 555-0196 | refused, 21610: opted out                                   |
| 555-0197 | refused, 21614: not a mobile number                         |
| 555-0198 | sent, and no receipt ever after                             |
| 555-0199 | first submission refused, 429 20429; delivered when repeated |

Every other number is delivered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Step = tuple[str, int | None]
"""A status that a message comes to, and the error code that goes with it."""

DELIVERED: tuple[Step, ...] = (("queued", None), ("sent", None), ("delivered", None))


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than 201: HTTP status, Twilio's code, and its text."""

    status: int
    code: int
    message: str


def _undelivered(code: int) -> tuple[Step, ...]:
    return (("queued", None), ("sent", None), ("undelivered", code))


STEPS: Mapping[str, tuple[Step, ...]] = {
    "5550190": _undelivered(30003),
    "5550191": _undelivered(30005),
    "5550192": _undelivered(30006),
    "5550193": _undelivered(30007),
    "5550194": (("queued", None), ("failed", 30008)),
    "5550198": (("queued", None), ("sent", None)),
}

REFUSALS: Mapping[str, Refusal] = {
    "5550195": Refusal(400, 21211, "The 'To' number is not a valid phone number."),
    "5550196": Refusal(400, 21610, "Attempt to send to unsubscribed recipient."),
    "5550197": Refusal(400, 21614, "The 'To' number is not a valid mobile number."),
}

THROTTLED_ONCE = "5550199"


def local_number(recipient: str) -> str:
    """The last seven digits, by which the tables are keyed."""
    return recipient[-7:]


def is_ordinary(recipient: str) -> bool:
    """Whether whatever is sent to this number is accepted and delivered."""
    local = local_number(recipient)
    return local not in STEPS and local not in REFUSALS and local != THROTTLED_ONCE


def steps(recipient: str) -> tuple[Step, ...]:
    """The statuses that an accepted message to this number comes to, in order."""
    return STEPS.get(local_number(recipient), DELIVERED)
