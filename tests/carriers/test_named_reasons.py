"""Every reason that an adapter names, wherever in its source it stands, is in the taxonomy."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import outbound_sms.carriers
from outbound_sms.domain.reason import REASONS

FOLDER = Path(outbound_sms.carriers.__file__).parent
GROUPS = "|".join(sorted({reason.group for reason in REASONS.values()}))
REASON = re.compile(rf"(?:{GROUPS})\.[A-Z_]+")


def named(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and REASON.fullmatch(node.value)
        ):
            yield node.value


def test_every_reason_that_an_adapter_names_is_in_the_taxonomy() -> None:
    found = {
        (str(file.relative_to(FOLDER)), reason)
        for file in sorted(FOLDER.rglob("*.py"))
        for reason in named(file.read_text(encoding="utf-8"))
    }
    assert "twilio_codes.py" in {file for file, _ in found}
    assert {each for each in found if each[1] not in REASONS} == set()


def test_the_search_sees_a_reason_that_nobody_knows() -> None:
    assert list(named('X = {1: "NUMBER.LOST", 2: "number.invalid", 3: "NUMBERS.X"}')) == [
        "NUMBER.LOST"
    ]
