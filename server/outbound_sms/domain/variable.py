"""Variables in canned texts: `|NAME|` is replaced by a value, and a value is only ever text.

A part in brackets is optional: it is left out as a whole where one of its variables has no value.
"""

import re
import unicodedata
from collections.abc import Container, Mapping

OPTIONAL_PART = re.compile(r"\[([^\[\]]*)\]")

_VARIABLE = re.compile(r"\|([A-Z][A-Z_]*)\|")
_ZERO_WIDTH_JOINER = "\u200d"


def variables_of(template: str) -> frozenset[str]:
    """The names of the variables that a template holds."""
    return frozenset(_VARIABLE.findall(template))


def choose_parts(template: str, names: Container[str]) -> str:
    """The template with the parts in brackets whose variables are all in `names`, no brackets left.

    To be called before `fill`: a bracket in a value is not one of the template.
    """

    def part_of(match: re.Match[str]) -> str:
        part = match.group(1)
        return part if all(name in names for name in variables_of(part)) else ""

    return OPTIONAL_PART.sub(part_of, template)


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """The template with each variable replaced by its cleaned value.

    One pass: a value that itself holds `|NAME|`, braces or a percent sign stays as it is written.
    Raises ValueError that names the first variable whose value is missing or blank.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        value = clean_value(values.get(name))
        if not value:
            raise ValueError(f"{name} is missing")
        return value

    return _VARIABLE.sub(value_of, template)


def clean_value(value: str | None) -> str:
    """A value fit for one line of text: white space collapsed, invisible characters removed.

    A no-break space becomes a plain one, which also keeps it from forcing UCS-2.
    """
    text = " ".join((value or "").split())
    return text if text.isprintable() else " ".join(strip_invisible(text).split())


def strip_invisible(text: str) -> str:
    """The text without control, format and surrogate characters.

    Line feeds stay, and so does the joiner that holds emoji together.
    """
    if text.isprintable():
        return text
    return "".join(character for character in text if not _is_invisible(character))


def _is_invisible(character: str) -> bool:
    if character in ("\n", _ZERO_WIDTH_JOINER):
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs")
