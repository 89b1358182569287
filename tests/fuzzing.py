"""What searches for input that breaks a parser have in common.

FUZZ_SECONDS is for how long each file searches: a few seconds unless set, 600 for a long run.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "8"))
MOST_GROWTH = 50_000_000
"""Octets of memory by which a search may grow."""

ROUND = settings(
    max_examples=200,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Case = TypeVar("Case")


@st.composite
def mutated(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """An original with octets changed, taken out, put in or doubled, and maybe cut short."""
    data = draw(st.sampled_from(originals))
    pieces = st.binary(max_size=6) | st.sampled_from(
        [b"\0", b"%00", b"%", b"%ff", b"\xed\xa0\x80", b"\\ud800", b'"', b"&", b"=", data[:40]]
    )
    cuts = st.tuples(st.integers(0, len(data)), st.integers(0, 8), pieces)
    for at, length, piece in draw(st.lists(cuts, min_size=1, max_size=6)):
        data = data[:at] + piece + data[at + length :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


def rounds_of(strategy: st.SearchStrategy[Case], seconds: float = SECONDS) -> Iterator[list[Case]]:
    """Lists of cases, new ones until the time is over. Memory may not grow from the second on."""
    end = time.monotonic() + seconds
    before: int | None = None
    while before is None or time.monotonic() < end:
        yield _some(strategy)
        before = before or resident()
    assert resident() - before < MOST_GROWTH


def _some(strategy: st.SearchStrategy[Any]) -> list[Any]:
    found: list[Any] = []

    @ROUND
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def resident() -> int:
    """Octets of memory that this process holds."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
