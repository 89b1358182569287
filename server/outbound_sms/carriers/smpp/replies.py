"""What the SMSC's requests are answered with, apart from messages that it delivers."""

from dataclasses import dataclass

from outbound_sms.carriers.smpp.commands import Command, Status


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: its command, status and body."""

    command: Command
    status: Status = Status.ESME_ROK
    body: bytes = b""


def reply_to(command: int) -> Reply | None:
    """The reply to a request; None when it has none (SMPP 3.4, 4.1.7 and 4.12.1).

    outbind asks for a bind, and we bind by ourselves; alert_notification says that a handset is on
    air again, which is for the SMSC to act on.
    """
    match command:
        case Command.ENQUIRE_LINK:
            return Reply(Command.ENQUIRE_LINK_RESP)
        case Command.UNBIND:
            return Reply(Command.UNBIND_RESP)
        case Command.DATA_SM:
            # Receipts and texts come to us as deliver_sm.
            return Reply(Command.DATA_SM_RESP, Status.ESME_RX_R_APPN, b"\0")
        case Command.OUTBIND | Command.ALERT_NOTIFICATION:
            return None
        case _:
            return Reply(Command.GENERIC_NACK, Status.ESME_RINVCMDID)
