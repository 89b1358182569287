"""API behaviour as data: YAML files below tests/cases, one for each thing that is promised.

    description: A sentence.
    setup: mass_message          # steps of tests/cases/setup/mass_message.yaml come first
    only: stub                   # for what a JSON client cannot send
    steps:
      - call: Directory.CreateCompany
        key: own | other | operator | none | wrong   # whose API key; own is the default
        request: {company: {name: "${name}"}}  # or `requests`, or `raw` for bytes in hexadecimal
        want: {company: {country: US}}         # a part of the answer; `<any>` means not empty
        keep: {company_id: company.company_id} # for ${company_id} in later steps
      - call: Directory.GetCompany
        request: {company_id: "${unknown_id}"}
        want_code: NOT_FOUND
        want_reason: COMPANY_NOT_FOUND
        want_violations: [company_id]          # all of them
        want_own_error: false                  # gRPC itself refuses it, without our details

`!repeat [text, times]` makes long values. `${uuid:name}` is one UUID in the whole case,
`${number:name}` one phone number that no other case has, `${now:+2}` the time in two hours.
"""

import itertools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.outcome import Json

FOLDER = Path(__file__).parent.parent / "cases"
KEYS = frozenset({"own", "other", "operator", "none", "wrong"})
STEP_FIELDS = frozenset(
    {"call", "key", "request", "requests", "raw", "want", "want_all", "keep"}
    | {"want_code", "want_reason", "want_violations", "want_own_error"}
)
CASE_FIELDS = frozenset({"description", "setup", "only", "steps"})

_AREA_CODES = (212, 303, 312, 404, 415, 503, 602, 617, 702, 713, 801, 907)
_VARIABLE = re.compile(r"\$\{([a-z_]+)(?::([a-z0-9_+-]+))?\}")


class MalformedCase(ValueError):
    """A case file does not follow the form above."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call and what it must answer."""

    service: str
    method: str
    key: str
    requests: list[Any]
    raw: bytes | None
    want_code: str
    want_reason: str
    want_violations: list[str] | None
    want_own_error: bool
    want: list[Any] | None
    keep: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """A file. `name` is its path below tests/cases, without the ending."""

    name: str
    description: str
    setup: str
    only_stub: bool
    steps: list[Step]


@dataclass(slots=True)
class Variables:
    """What `${name}` stands for in one run of a case."""

    values: dict[str, str] = field(default_factory=dict)
    _now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def fill(self, value: Any) -> Any:
        """`value` with its variables replaced, at any depth."""
        if isinstance(value, str):
            return _VARIABLE.sub(lambda found: self._value(found[1], found[2]), value)
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(each) for key, each in value.items()}
        return value

    def _value(self, name: str, argument: str | None) -> str:
        if name == "uuid":
            return self.values.setdefault(f"uuid:{argument}", str(uuid.uuid4()))
        if name == "number":
            return self.values.setdefault(f"number:{argument}", _next_number())
        if name == "now":
            shift = timedelta(hours=int(argument or 0))
            return (self._now + shift).isoformat().replace("+00:00", "Z")
        if name not in self.values:
            raise MalformedCase(f"${{{name}}} was not kept by an earlier step")
        return self.values[name]


def find_cases() -> Iterator[Case]:
    """Every case, in the order of its path."""
    for path in sorted(FOLDER.glob("*/*/*.yaml")):
        yield read_case(path)


def read_case(path: Path) -> Case:
    """A case. Raises MalformedCase with the file's name."""
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    unknown = set(document) - CASE_FIELDS
    if unknown or not document.get("steps") or not document.get("description"):
        raise MalformedCase(f"{name}: needs description and steps, and knows no {sorted(unknown)}")
    return Case(
        name,
        document["description"],
        document.get("setup", ""),
        document.get("only") == "stub",
        [_read_step(name, each) for each in document["steps"]],
    )


_numbers = itertools.count()


def _next_number() -> str:
    """A number of the range for fiction, 555-01xx, in one area code after another."""
    area, line = divmod(next(_numbers), 100)
    return f"+1{_AREA_CODES[area]}55501{line:02d}"


@cache
def read_setup(name: str) -> tuple[Step, ...]:
    """Steps that several cases begin with."""
    text = (FOLDER / "setup" / f"{name}.yaml").read_text(encoding="utf-8")
    return tuple(_read_step(name, each) for each in yaml.load(text, Loader=_Loader))


def _read_step(case: str, step: Json) -> Step:
    unknown = set(step) - STEP_FIELDS
    if unknown:
        raise MalformedCase(f"{case}: a step knows no {sorted(unknown)}")
    service, _, method = step["call"].partition(".")
    key = step.get("key", "own")
    if key not in KEYS:
        raise MalformedCase(f"{case}: key is one of {sorted(KEYS)}")
    want = step.get("want_all", [step["want"]] if "want" in step else None)
    return Step(
        service,
        method,
        key,
        step.get("requests", [step.get("request") or {}]),
        bytes.fromhex(step["raw"]) if "raw" in step else None,
        step.get("want_code", "OK"),
        step.get("want_reason", ""),
        step.get("want_violations"),
        step.get("want_own_error", True),
        want,
        step.get("keep", {}),
    )


class _Loader(yaml.SafeLoader):
    """YAML with `!repeat`."""


def _repeat(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    assert isinstance(node, yaml.SequenceNode)
    value, times = loader.construct_sequence(node, deep=True)
    return value * times if isinstance(value, str) else [value] * times


_Loader.add_constructor("!repeat", _repeat)
