"""Short texts that people type: names, roles, notes."""

import unicodedata

from outbound_sms.domain.errors import Violations

# Cc are the control characters, NUL included; Zl and Zp are Unicode's own line and paragraph ends,
# which break a line of a log as well; Cs are halves of characters.
_REFUSED = frozenset({"Cc", "Zl", "Zp", "Cs"})


def check_text(
    violations: Violations, field: str, value: str, *, required: bool, longest: int
) -> str:
    """The text without surrounding space; `longest` is in characters (code points).

    Adds a violation when it is empty but `required`, too long, or holds a control character.
    """
    text = value.strip()
    if required and not text:
        violations.add(field, f"is empty; give 1 to {longest} characters")
    if len(text) > longest:
        violations.add(field, f"has {len(text)} characters; give at most {longest}")
    if not text.isprintable() and any(unicodedata.category(c) in _REFUSED for c in text):
        violations.add(field, "holds a control character; give one line of plain text")
    return text
