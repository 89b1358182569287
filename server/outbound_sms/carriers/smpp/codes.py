"""What the status of a response means for its message, in the words of our taxonomy.

Source: SMPP 3.4, 5.1.3 (command_status).
"""

from collections.abc import Mapping

import structlog

from outbound_sms.carriers.carrier import NotSent, Refused
from outbound_sms.carriers.smpp.commands import Status

_log = structlog.get_logger(__name__)

THROTTLING = frozenset({Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL})
"""Refusals that only say "not now": the message was not accepted and may be submitted again."""

TEMPORARY = frozenset({Status.ESME_RSYSERR, Status.ESME_RINVBNDSTS, Status.ESME_RX_T_APPN})
"""Faults of the SMSC: the message was not accepted, and another try, or carrier, may do better."""

REASONS: Mapping[int, str] = {
    Status.ESME_RINVMSGLEN: "CONTENT.TOO_LONG",
    Status.ESME_RINVSRCADR: "SENDER.INVALID",
    Status.ESME_RINVSRCTON: "SENDER.INVALID",
    Status.ESME_RINVSRCNPI: "SENDER.INVALID",
    Status.ESME_RINVDSTADR: "NUMBER.INVALID",
    Status.ESME_RINVDSTTON: "NUMBER.INVALID",
    Status.ESME_RINVDSTNPI: "NUMBER.INVALID",
    Status.ESME_RBINDFAIL: "ACCOUNT.AUTH",
    Status.ESME_RINVPASWD: "ACCOUNT.AUTH",
    Status.ESME_RINVSYSID: "ACCOUNT.AUTH",
    Status.ESME_RINVEXPIRY: "EXPIRY.VALIDITY",
    Status.ESME_RSUBMITFAIL: "CARRIER.SYSTEM_ERROR",
    Status.ESME_RDELIVERYFAILURE: "CARRIER.SYSTEM_ERROR",
}

UNKNOWN = "UNKNOWN.OTHER"


def carrier_code(status: int) -> str:
    """The status as it is kept with the attempt: its name, or a vendor's own as 0x00000432."""
    try:
        return Status(status).name
    except ValueError:
        return f"0x{status:08X}"


def refusal(status: int, carrier: str) -> Refused | NotSent:
    """What a response with an error that does not throttle means for its message.

    A number that we do not know is a refusal all the same: every status but ESME_ROK says that the
    request was not carried out.
    """
    if status in TEMPORARY:
        return NotSent(carrier_code(status))
    reason = REASONS.get(status)
    if reason is None:
        _log.error("carrier_code_unknown", carrier=carrier, carrier_code=carrier_code(status))
    return Refused(reason or UNKNOWN, carrier_code(status))
