"""What the text of a trigger type may hold: its variables, and parts in brackets for optional ones.

`[ Invoice |INVOICE_NUMBER|.]` is left out as a whole where the event carries no invoice number.
"""

import re
from collections.abc import Set

from outbound_sms.domain.variable import OPTIONAL_PART, variables_of

_VARIABLE = re.compile(r"\|[A-Z][A-Z_]*\|")


def check_trigger_text(
    text: str, *, required: Set[str], optional: Set[str], free: Set[str]
) -> str | None:
    """What is wrong with a text, to follow its name; None when it is right.

    Each required variable must be used outside brackets and each optional one inside only; a `free`
    one, which always has a value, may be used outside.
    """
    if not text:
        return "is empty"
    always = OPTIONAL_PART.sub("", text)
    parts = OPTIONAL_PART.findall(text)
    outside = variables_of(always)
    inside = frozenset[str]().union(*map(variables_of, parts))
    plain = _VARIABLE.sub("", always + "".join(parts))
    checks = (
        (_named(outside | inside, minus=required | optional | free), "uses unknown variables"),
        (_named(required, minus=outside), "must use, outside brackets,"),
        (_named(outside & optional), "must keep in brackets"),
        (_named(optional, minus=inside), "must use, in brackets,"),
        (_named(inside, minus=optional), "must not keep in brackets"),
        ("" if all(map(variables_of, parts)) else "no variable", "has brackets with"),
        (" ".join(sorted(set(plain) & set("|[]"))), "has an odd"),
    )
    return next((f"{words} {found}" for found, words in checks if found), None)


def _named(names: Set[str], *, minus: Set[str] = frozenset()) -> str:
    return ", ".join(sorted(names - minus))
