"""Whom a person stops who replies STOP."""

from enum import IntEnum


class OptOutScope(IntEnum):
    """ALL: every instance, whichever number of ours was written to; the default, and the strictest
    reading of 47 CFR 64.1200(a)(10). INSTANCE: only the instance whose number was written to, for a
    service that sends for unrelated companies.
    """

    ALL = 1
    INSTANCE = 2
