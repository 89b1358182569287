"""The SMSC's id of a message, written the same whether an answer or a receipt brought it."""

import re
from enum import StrEnum
from typing import assert_never

LONGEST_MESSAGE_ID = 64

_DECIMAL = re.compile(r"[0-9]+")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class MessageIds(StrEnum):
    """How the ids in an SMSC's answers relate to those in its receipts.

    Many an SMSC answers with the number in hexadecimal and writes its receipts in decimal; a few
    do it the other way round.
    """

    AS_GIVEN = "as_given"
    HEX_RESPONSE_DECIMAL_RECEIPT = "hex_response_decimal_receipt"
    DECIMAL_RESPONSE_HEX_RECEIPT = "decimal_response_hex_receipt"


def response_id(message_id: str, ids: MessageIds) -> str:
    """The id of a submit_sm_resp in the form that `receipt_id` gives the same one."""
    match ids:
        case MessageIds.AS_GIVEN:
            return _as_given(message_id)
        case MessageIds.HEX_RESPONSE_DECIMAL_RECEIPT:
            return _of_hexadecimal(message_id)
        case MessageIds.DECIMAL_RESPONSE_HEX_RECEIPT:
            return _of_decimal(message_id)
        case _:
            assert_never(ids)


def receipt_id(message_id: str, ids: MessageIds) -> str:
    """The id of a receipt in the form that `response_id` gives the same one."""
    match ids:
        case MessageIds.AS_GIVEN:
            return _as_given(message_id)
        case MessageIds.HEX_RESPONSE_DECIMAL_RECEIPT:
            return _of_decimal(message_id)
        case MessageIds.DECIMAL_RESPONSE_HEX_RECEIPT:
            return _of_hexadecimal(message_id)
        case _:
            assert_never(ids)


def _as_given(message_id: str) -> str:
    """Without leading zeros and in lower case where it is a number; other ids may mean their case.

    SMSCs pad the same number differently, and write its hexadecimal letters either way.
    """
    if _HEXADECIMAL.fullmatch(message_id):
        return message_id.lower().lstrip("0") or "0"
    return message_id.lower() if _UUID.fullmatch(message_id) else message_id


def _of_decimal(message_id: str) -> str:
    # What is no number in the base that was configured can only be compared as it is.
    return str(int(message_id)) if _is(_DECIMAL, message_id) else _as_given(message_id)


def _of_hexadecimal(message_id: str) -> str:
    return str(int(message_id, 16)) if _is(_HEXADECIMAL, message_id) else _as_given(message_id)


def _is(base: re.Pattern[str], message_id: str) -> bool:
    return len(message_id) <= LONGEST_MESSAGE_ID and base.fullmatch(message_id) is not None
