"""Personal values that are found wherever they have got to, however they are written there."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

PHONE_BREAK = r"(?:[\s().+-]|%2[0-9a-f]|\\t){0,3}"
"""What people and programs write between the groups of a number."""

# Shorter pieces of base64 also turn up in what is random.
_LEAST_ENCODED = 12


@dataclass(frozen=True, slots=True)
class Canary:
    """A value that must not leave the database. `phone`: it is a number in E.164, of the US."""

    text: str
    phone: bool = False

    def pattern(self) -> str:
        """A pattern of every way to write it."""
        ways = [re.escape(way) for way in self._ways()]
        if self.phone:
            area, exchange, line = self.text[2:5], self.text[5:8], self.text[8:]
            ways.append(rf"{area}{PHONE_BREAK}{exchange}{PHONE_BREAK}{line}(?!\d)")
        return "|".join(ways)

    def _ways(self) -> Iterator[str]:
        texts = [self.text]
        if self.phone:
            national = self.text.removeprefix("+1")
            texts += [f"1{national}", national]
        else:
            yield self.text
            yield quote(self.text, safe="")
            yield quote_plus(self.text)
            yield self.text.encode().hex()
        for text in texts:
            yield from (found for found in _encoded(text) if len(found) >= _LEAST_ENCODED)


class Canaries:
    """Finds any of some values in a text."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._canaries = {f"c{n}": canary for n, canary in enumerate(canaries)}
        self._pattern = re.compile(
            "|".join(f"(?P<{name}>{each.pattern()})" for name, each in self._canaries.items()),
            re.IGNORECASE,
        )

    def found_in(self, text: str) -> list[str]:
        """What was found: the value, and the text around it."""
        return [
            f"{self._canaries[match.lastgroup or ''].text} in "
            f"{text[max(0, match.start() - 200) : match.end() + 100]!r}"
            for match in self._pattern.finditer(text)
        ]


def _encoded(text: str) -> Iterator[str]:
    """The part of its base64 that is the same whatever comes before and after it, at each of the
    three places where it may begin; in the alphabet of URLs too."""
    raw = text.encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        core = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield core
        yield core.translate(str.maketrans("+/", "-_"))
