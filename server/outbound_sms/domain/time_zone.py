"""Time zones by IANA name, always from the pinned `tzdata` package.

Not from the operating system: two machines of one service must not disagree about a clock change.
"""

from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


def parse_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as `America/Toronto`, or `UTC`.

    Raises ValueError for anything else. Offsets (`-05:00`, `Etc/GMT+5`) and fixed abbreviations
    (`EST`) are refused because they know no daylight saving time.
    """
    if name not in zone_names():
        raise ValueError("not an IANA time zone; give a place such as America/New_York")
    return _read(name)


@cache
def zone_names() -> frozenset[str]:
    """Every name that `parse_zone` takes."""
    names = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    places = {name for name in names if "/" in name and not name.startswith("Etc/")}
    return frozenset(places | {"UTC"})


@cache
def _read(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
