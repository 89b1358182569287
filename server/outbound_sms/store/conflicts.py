"""Constraint names are the contract with PostgreSQL: which domain error each violation is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import asyncpg

from outbound_sms.domain.errors import OutboundSmsError


@contextmanager
def translate(errors: Mapping[str, Callable[[], OutboundSmsError]]) -> Iterator[None]:
    """Turns violations of the named constraints, or unique indexes, into the errors given for them.

    Others pass as they are, to be answered INTERNAL and logged: they are defects.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        make = errors.get(error.constraint_name or "")
        if make is None:
            raise
        raise make() from None
