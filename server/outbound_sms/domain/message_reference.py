"""A short number for an attempt, for carriers that send it back with a receipt.

SMPP has two octets for it (SMPP 3.4, 5.3.2.17 user_message_reference), so it only tells apart the
attempts that one phone number has open: it finds the one whose answer, and so the carrier's id of
it, was lost.
"""

import hashlib
from uuid import UUID


def message_reference(message_id: UUID, attempt: int) -> int:
    """The number of `attempt` (from 1) of a message: 0 to 65,535. The database has the same."""
    text = f"{message_id}:{attempt}".encode()
    return int(hashlib.md5(text, usedforsecurity=False).hexdigest()[:4], 16)
