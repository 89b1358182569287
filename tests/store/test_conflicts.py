"""Constraint names and the errors that belong to them."""

import asyncpg
import pytest

from outbound_sms.domain.errors import AlreadyExists, Reason
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Pool

TWICE = "INSERT INTO suppression (e164, source) VALUES ('+12125550101', 1), ('+12125550101', 1)"


def taken() -> AlreadyExists:
    return AlreadyExists(Reason.PHONE_NUMBER_TAKEN, "Choose another.")


async def test_a_named_violation_becomes_its_error(pool: Pool) -> None:
    with pytest.raises(AlreadyExists) as caught, translate({"suppression_once": taken}):
        await pool.execute(TWICE)
    assert caught.value.__suppress_context__


async def test_any_other_violation_stays_what_it_is(pool: Pool) -> None:
    with pytest.raises(asyncpg.UniqueViolationError), translate({"company_name_unique": taken}):
        await pool.execute(TWICE)
