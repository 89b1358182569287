"""Why a message failed: the closed list of reject reasons, as people and programs read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Who decided: the service itself, its carrier's platform, a network, or the handset."""

    US = "US"
    PROVIDER = "PROVIDER"
    CARRIER = "CARRIER"
    HANDSET = "HANDSET"


@dataclass(frozen=True, slots=True)
class RejectReason:
    """One reason.

    `retryable`: the same message may go out later. `billable`: a message that fails for this reason
    has as a rule reached a network, so that the carrier charges for it. Money does not follow it:
    the receipt of each message says whether it had left the carrier. `suppress`: the number must
    get no further texts. `text` is for a help desk.
    """

    group: str
    code: str
    retryable: bool
    billable: bool
    suppress: bool
    origin: Origin
    text: str

    @property
    def key(self) -> str:
        """`GROUP.CODE`, as it is stored."""
        return f"{self.group}.{self.code}"


def _ours(group: str, code: str, text: str, *, retryable: bool = False) -> RejectReason:
    """A reason of our own making: the message never left, so it costs nothing."""
    return RejectReason(group, code, retryable, False, False, Origin.US, text)


def _theirs(
    origin: Origin,
    key: str,
    text: str,
    *,
    retryable: bool = False,
    billable: bool = False,
    suppress: bool = False,
) -> RejectReason:
    group, _, code = key.partition(".")
    return RejectReason(group, code, retryable, billable, suppress, origin, text)


_ALL = (
    RejectReason(
        "POLICY",
        "OPTED_OUT",
        retryable=False,
        billable=False,
        suppress=True,
        origin=Origin.US,
        text="The subscriber replied STOP; no text goes to this number until they reply START.",
    ),
    _ours("POLICY", "NO_CONSENT", "The number is not opted in to texts."),
    _ours(
        "POLICY",
        "CONSENT_LEVEL",
        "The subscriber's consent does not cover this kind of text.",
    ),
    _ours(
        "POLICY",
        "QUIET_HOURS_EXPIRED",
        "Quiet hours held the text until it was no longer of use, so it was not sent.",
    ),
    _ours(
        "POLICY",
        "CONFIRMATION_LATE",
        "The answer to STOP, START or HELP could not go out within 5 minutes, so it was not sent.",
    ),
    _ours(
        "POLICY",
        "FREQUENCY_CAP",
        "The number had already received as many texts as are allowed in a day.",
    ),
    _ours(
        "POLICY",
        "REASSIGNED_NUMBER",
        "The number now belongs to somebody else; ask the subscriber for a new one.",
    ),
    _ours("POLICY", "CANCELLED", "Somebody cancelled the send before this text left."),
    _ours(
        "BALANCE",
        "INSUFFICIENT_FUNDS",
        "The SMS balance was too low; add funds and requeue the text.",
        retryable=True,
    ),
    _theirs(
        Origin.PROVIDER,
        "NUMBER.INVALID",
        "The phone number does not exist or is written wrongly; correct it on the contact.",
    ),
    _theirs(
        Origin.PROVIDER,
        "NUMBER.LANDLINE_OR_UNROUTABLE",
        "The number cannot receive texts, most likely because it is a landline.",
        billable=True,
    ),
    _theirs(
        Origin.CARRIER,
        "NUMBER.UNKNOWN_HANDSET",
        "The mobile network does not know this number; it may have been given up.",
        billable=True,
    ),
    _theirs(
        Origin.HANDSET,
        "NUMBER.UNREACHABLE",
        "The phone was switched off or out of coverage for too long.",
        retryable=True,
        billable=True,
    ),
    _ours(
        "NUMBER",
        "REGION_NOT_ALLOWED",
        "Texts go to phone numbers of the US and Canada only, and never to premium numbers.",
    ),
    _theirs(
        Origin.CARRIER,
        "CONTENT.FILTERED_SPAM",
        "The mobile network took the text for spam and dropped it.",
        billable=True,
    ),
    _ours("CONTENT", "TOO_LONG", "The text is too long to be sent."),
    _ours("CONTENT", "EMPTY", "The text is empty."),
    _theirs(
        Origin.PROVIDER,
        "CONTENT.ENCODING",
        "The carrier cannot send one of the characters in the text.",
    ),
    _theirs(
        Origin.CARRIER,
        "CARRIER.BLOCKED",
        "The mobile network blocks texts to this number; the subscriber may have asked for it.",
        billable=True,
    ),
    _theirs(
        Origin.CARRIER,
        "CARRIER.CONGESTION",
        "The mobile network was overloaded.",
        retryable=True,
    ),
    _theirs(
        Origin.PROVIDER,
        "CARRIER.THROTTLED",
        "Texts were handed over faster than the carrier takes them.",
        retryable=True,
    ),
    _theirs(
        Origin.CARRIER,
        "CARRIER.DAILY_CAP",
        "The sending number has reached the carrier's limit for today.",
        retryable=True,
    ),
    _theirs(
        Origin.PROVIDER,
        "CARRIER.SYSTEM_ERROR",
        "The carrier had a fault of its own.",
        retryable=True,
    ),
    _theirs(
        Origin.CARRIER,
        "SENDER.UNREGISTERED",
        "The sending number is not registered with the mobile networks; tell the operator.",
    ),
    _theirs(
        Origin.PROVIDER,
        "SENDER.INVALID",
        "The carrier does not accept the sending number; tell the operator.",
    ),
    _theirs(
        Origin.PROVIDER,
        "SENDER.NOT_OWNED",
        "The sending number does not belong to the carrier account in use; tell the operator.",
    ),
    _theirs(
        Origin.PROVIDER,
        "SENDER.QUEUE_FULL",
        "Too many texts were already waiting behind the sending number.",
        retryable=True,
    ),
    _theirs(
        Origin.PROVIDER,
        "ACCOUNT.SUSPENDED",
        "The carrier has suspended the account that sends the texts; tell the operator.",
    ),
    _theirs(
        Origin.PROVIDER,
        "ACCOUNT.AUTH",
        "The carrier refused the service's credentials; tell the operator.",
    ),
    _theirs(
        Origin.CARRIER,
        "EXPIRY.VALIDITY",
        "The text could not be delivered before its time ran out.",
        billable=True,
    ),
    _ours(
        "UNCERTAIN",
        "SUBMIT_TIMEOUT",
        "The carrier did not answer; whether it took the text is being found out.",
    ),
    _ours(
        "UNCERTAIN",
        "OUTCOME_UNKNOWN",
        "The carrier never said whether it took the text; so as to text nobody "
        "twice it was not repeated.",
    ),
    _theirs(
        Origin.CARRIER,
        "UNKNOWN.OTHER",
        "The carrier gave a reason that is not in our list; its own code is kept with the attempt.",
        billable=True,
    ),
)

REASONS: Mapping[str, RejectReason] = {reason.key: reason for reason in _ALL}
