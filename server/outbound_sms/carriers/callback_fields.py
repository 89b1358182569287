"""What the fields of a signed callback must look like before anything is made of them."""

import re

MESSAGE_ID = re.compile(r"[!-~]{1,128}")
"""A carrier's id of a message. What each makes differs; none needs more than this."""

E164 = re.compile(r"\+[0-9]{6,15}")
"""A phone number that can be texted back, unlike a short code, a name or another channel."""

_LONGEST_CODE = 32
# PostgreSQL has no text with these in it.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with everything replaced that the database cannot store."""
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_code(code: str) -> str:
    """The start of a carrier's error code, without what cannot be shown."""
    return "".join(filter(str.isprintable, code[:_LONGEST_CODE]))
