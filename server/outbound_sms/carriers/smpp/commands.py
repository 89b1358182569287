"""The commands and the statuses of SMPP 3.4 (5.1.2.1 and 5.1.3). Data only."""

from collections.abc import Mapping
from enum import IntEnum


class Command(IntEnum):
    """command_id. A response is its request with the highest bit set."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM = 0x00000003
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    REPLACE_SM = 0x00000007
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM = 0x00000008
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    SUBMIT_MULTI = 0x00000021
    SUBMIT_MULTI_RESP = 0x80000021
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103


RESPONSE = 0x80000000
"""The bit of command_id that tells a response from a request."""


class Status(IntEnum):
    """command_status. 0x400 to 0x4FF are a vendor's own and have no name here."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RINVPRTFLG = 0x06
    ESME_RINVREGDLVFLG = 0x07
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RINVMSGID = 0x0C
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RCANCELFAIL = 0x11
    ESME_RREPLACEFAIL = 0x13
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVNUMDESTS = 0x33
    ESME_RINVDLNAME = 0x34
    ESME_RINVDESTFLAG = 0x40
    ESME_RINVSUBREP = 0x42
    ESME_RINVESMCLASS = 0x43
    ESME_RCNTSUBDL = 0x44
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RINVREPFLAG = 0x54
    ESME_RINVNUMMSGS = 0x55
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RINVDFTMSGID = 0x63
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RQUERYFAIL = 0x67
    ESME_RINVOPTPARSTREAM = 0xC0
    ESME_ROPTPARNOTALLWD = 0xC1
    ESME_RINVPARLEN = 0xC2
    ESME_RMISSINGOPTPARAM = 0xC3
    ESME_RINVOPTPARAMVAL = 0xC4
    ESME_RDELIVERYFAILURE = 0xFE
    ESME_RUNKNOWNERR = 0xFF


MEANINGS: Mapping[Status, str] = {
    Status.ESME_ROK: "no error",
    Status.ESME_RINVMSGLEN: "message length invalid",
    Status.ESME_RINVCMDLEN: "command length invalid",
    Status.ESME_RINVCMDID: "command id invalid",
    Status.ESME_RINVBNDSTS: "command not allowed in this bind state",
    Status.ESME_RALYBND: "already bound",
    Status.ESME_RINVPRTFLG: "priority flag invalid",
    Status.ESME_RINVREGDLVFLG: "registered delivery flag invalid",
    Status.ESME_RSYSERR: "system error",
    Status.ESME_RINVSRCADR: "source address invalid",
    Status.ESME_RINVDSTADR: "destination address invalid",
    Status.ESME_RINVMSGID: "message id invalid",
    Status.ESME_RBINDFAIL: "bind failed",
    Status.ESME_RINVPASWD: "password invalid",
    Status.ESME_RINVSYSID: "system id invalid",
    Status.ESME_RCANCELFAIL: "cancel failed",
    Status.ESME_RREPLACEFAIL: "replace failed",
    Status.ESME_RMSGQFUL: "message queue full",
    Status.ESME_RINVSERTYP: "service type invalid",
    Status.ESME_RINVNUMDESTS: "number of destinations invalid",
    Status.ESME_RINVDLNAME: "distribution list name invalid",
    Status.ESME_RINVDESTFLAG: "destination flag invalid",
    Status.ESME_RINVSUBREP: "submit with replace invalid",
    Status.ESME_RINVESMCLASS: "esm_class invalid",
    Status.ESME_RCNTSUBDL: "cannot submit to a distribution list",
    Status.ESME_RSUBMITFAIL: "submit failed",
    Status.ESME_RINVSRCTON: "source type of number invalid",
    Status.ESME_RINVSRCNPI: "source numbering plan invalid",
    Status.ESME_RINVDSTTON: "destination type of number invalid",
    Status.ESME_RINVDSTNPI: "destination numbering plan invalid",
    Status.ESME_RINVSYSTYP: "system type invalid",
    Status.ESME_RINVREPFLAG: "replace_if_present flag invalid",
    Status.ESME_RINVNUMMSGS: "number of messages invalid",
    Status.ESME_RTHROTTLED: "throttled: more messages than allowed",
    Status.ESME_RINVSCHED: "scheduled delivery time invalid",
    Status.ESME_RINVEXPIRY: "validity period invalid",
    Status.ESME_RINVDFTMSGID: "predefined message invalid or not found",
    Status.ESME_RX_T_APPN: "temporary error of the receiving application",
    Status.ESME_RX_P_APPN: "permanent error of the receiving application",
    Status.ESME_RX_R_APPN: "rejected by the receiving application",
    Status.ESME_RQUERYFAIL: "query failed",
    Status.ESME_RINVOPTPARSTREAM: "optional parameters malformed",
    Status.ESME_ROPTPARNOTALLWD: "optional parameter not allowed",
    Status.ESME_RINVPARLEN: "parameter length invalid",
    Status.ESME_RMISSINGOPTPARAM: "optional parameter missing",
    Status.ESME_RINVOPTPARAMVAL: "optional parameter value invalid",
    Status.ESME_RDELIVERYFAILURE: "delivery failed",
    Status.ESME_RUNKNOWNERR: "unknown error",
}
"""What each status says (SMPP 3.4, table 5-2), for logs and for people."""
