"""Whether an audience has anybody at all, looked up in two steps."""

import pytest

from outbound_sms.domain.audience import Audience, parse_audience
from outbound_sms.domain.language import Language
from outbound_sms.store import audience
from outbound_sms.store.pool import Pool
from tests.factories import (
    EVERYONE,
    Isp,
    add_account,
    add_contact,
    add_number,
    add_subscribers,
    make_isp,
    phone,
)

ALL = parse_audience(EVERYONE)
NOBODY = parse_audience('{"services": ["None"]}')


@pytest.fixture
async def isp(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Isp:
    """Six accounts that cannot be texted, and a first step of three."""
    monkeypatch.setattr(audience, "FIRST_ACCOUNTS", 3)
    made = await make_isp(pool)
    await add_subscribers(pool, made, 6)
    await pool.execute("UPDATE phone_number SET sms_opt_in = false")
    return made


async def has_recipients(pool: Pool, isp: Isp, meant: Audience, *narrowed: object) -> bool:
    async with pool.acquire() as connection, connection.transaction():
        return await audience.has_recipients(
            connection,
            isp.instance_id,
            meant,
            *narrowed,  # type: ignore[arg-type]
        )


async def opt_in(pool: Pool, nth: int) -> None:
    await pool.execute("UPDATE phone_number SET sms_opt_in = true WHERE e164 = $1", phone(nth))


async def test_nobody_is_found_among_accounts_that_cannot_be_texted(pool: Pool, isp: Isp) -> None:
    assert not await has_recipients(pool, isp, ALL)
    assert not await has_recipients(pool, isp, NOBODY)


@pytest.mark.parametrize("nth", [0, 2, 3, 5])
async def test_one_recipient_is_found_wherever_the_account_stands(
    pool: Pool, isp: Isp, nth: int
) -> None:
    await opt_in(pool, nth)
    assert await has_recipients(pool, isp, ALL)
    assert not await has_recipients(pool, isp, NOBODY)


async def test_a_company_and_a_language_narrow_what_is_found(pool: Pool, isp: Isp) -> None:
    account = await add_account(pool, isp, "Q", company_id=isp.french_company_id)
    await add_number(pool, isp, await add_contact(pool, isp, account), phone(9))
    assert await has_recipients(pool, isp, ALL, isp.french_company_id, Language.FR)
    assert not await has_recipients(pool, isp, ALL, isp.french_company_id, Language.EN)
    assert not await has_recipients(pool, isp, ALL, isp.company_id, Language.FR)
