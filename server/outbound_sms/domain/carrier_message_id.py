"""The ids that carriers give to what they took: text of theirs, so nothing is taken for granted.

SMPP allows 64 octets (SMPP 3.4, 5.2.23 message_id), HTTP carriers use fewer.
"""

LONGEST = 255


def is_usable(carrier_message_id: str) -> bool:
    """Whether it can be stored and looked for: not empty, of sane length, and text all through."""
    if not 0 < len(carrier_message_id) <= LONGEST or "\0" in carrier_message_id:
        return False
    # The database takes no half of a pair of UTF-16.
    return carrier_message_id.isascii() or not any(
        "\ud800" <= character <= "\udfff" for character in carrier_message_id
    )
