"""Countries by their ISO 3166 codes, from the pinned `tzdata` package."""

from functools import cache
from importlib import resources


def is_country(code: str) -> bool:
    """Whether it is the alpha-2 code of a country, for example `CA`."""
    return code in _codes()


@cache
def _codes() -> frozenset[str]:
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and not line.startswith("#"))
