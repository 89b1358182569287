"""SMS settings and sending numbers, through real stubs."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.domain.errors import Reason, WrongState
from outbound_sms.domain.sms_availability import sms_available
from outbound_sms.domain.sms_settings import SmsSettingsChange
from outbound_sms.store.pool import Pool
from outbound_sms.store.settings import update_sms_settings
from outboundsms.v1 import settings_pb2 as pb
from outboundsms.v1.language_pb2 import LANGUAGE_EN, LANGUAGE_FR
from outboundsms.v1.quiet_hours_pb2 import QuietHours
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.price_lists import forget_prices, set_prices
from tests.services.failures import failure
from tests.services.running import Running, Stubs, Tenant

Code = grpc.StatusCode
FIRST, SECOND, THIRD = "+12125550101", "+14165550123", "+12125550103"


async def update(settings: Any, given: pb.SmsSettings, *paths: str) -> pb.SmsSettings:
    request = pb.UpdateSmsSettingsRequest(settings=given, update_mask=FieldMask(paths=paths))
    answer: pb.UpdateSmsSettingsResponse = await settings.UpdateSmsSettings(request)
    return answer.settings


async def create(settings: Any, number: str, **fields: Any) -> pb.SendingNumber:
    given = {"carrier": "sandbox", "segments_per_second": 10, **fields}
    request = pb.CreateSendingNumberRequest(sending_number=pb.SendingNumber(number=number, **given))
    answer: pb.CreateSendingNumberResponse = await settings.CreateSendingNumber(request)
    return answer.sending_number


async def change(settings: Any, given: pb.SendingNumber, *paths: str) -> pb.SendingNumber:
    request = pb.UpdateSendingNumberRequest(
        sending_number=given, update_mask=FieldMask(paths=paths)
    )
    answer: pb.UpdateSendingNumberResponse = await settings.UpdateSendingNumber(request)
    return answer.sending_number


async def listed(settings: Any) -> list[pb.SendingNumber]:
    return list((await settings.ListSendingNumbers(pb.ListSendingNumbersRequest())).sending_numbers)


async def test_a_new_instance_sends_in_english_by_the_products_billing_rule(stub: Stubs) -> None:
    answer = await stub(SettingsStub).GetSmsSettings(pb.GetSmsSettingsRequest())
    assert answer.settings == pb.SmsSettings(
        enabled=True,
        time_zone="America/New_York",
        billing_rule=pb.BILLING_RULE_PRODUCT,
        default_language=LANGUAGE_EN,
        segment_price_micros=15_000,
        currency="USD",
        instance_name="Example ISP",
        etag="1",
        quiet_hours=QuietHours(time_zone="America/New_York"),
        sms_available=True,
    )


async def test_the_price_shown_is_that_of_the_instance_s_own_country_if_there_is_one(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    settings = stub(SettingsStub)

    async def price() -> int:
        answer = await settings.GetSmsSettings(pb.GetSmsSettingsRequest())
        shown: int = answer.settings.segment_price_micros
        return shown

    await set_prices(pool)
    assert await price() == 7_001
    await pool.execute("UPDATE instance SET country = 'CA' WHERE id = $1", instance.instance.id)
    assert await price() == 11_027
    assert (await update(settings, pb.SmsSettings(), "enabled")).segment_price_micros == 11_027
    await forget_prices(pool)
    assert await price() == 0


async def test_an_update_changes_what_its_mask_names_and_nothing_else(
    stub: Stubs, other_instance: Tenant
) -> None:
    settings = stub(SettingsStub)
    before = (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings
    given = pb.SmsSettings(
        enabled=False,
        time_zone="America/Toronto",
        billing_rule=pb.BILLING_RULE_CARRIER,
        default_language=LANGUAGE_FR,
        etag="1",
    )
    after = await update(settings, given, "time_zone", "default_language")
    wanted = pb.SmsSettings()
    wanted.CopyFrom(before)
    wanted.time_zone, wanted.default_language, wanted.etag = "America/Toronto", LANGUAGE_FR, "2"
    wanted.quiet_hours.time_zone = "America/Toronto"
    assert after == wanted
    given.etag = ""
    after = await update(settings, given, "enabled", "billing_rule")
    assert (after.enabled, after.billing_rule, after.etag) == (False, pb.BILLING_RULE_CARRIER, "3")
    assert (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings == after
    theirs = await stub(SettingsStub, other_instance.key).GetSmsSettings(pb.GetSmsSettingsRequest())
    assert theirs.settings.etag == "1"


async def test_the_low_funds_threshold_is_a_setting_and_kept_with_the_balance(
    stub: Stubs, pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    settings = stub(SettingsStub)
    given = pb.SmsSettings(low_funds_threshold_micros=5_000_000, etag="1")
    after = await update(settings, given, "low_funds_threshold_micros")
    assert (after.low_funds_threshold_micros, after.etag) == (5_000_000, "2")
    assert (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings == after
    await failure(
        update(
            settings,
            pb.SmsSettings(low_funds_threshold_micros=1, etag="1"),
            "low_funds_threshold_micros",
        )
    )
    after = await update(settings, pb.SmsSettings(enabled=False), "enabled")
    assert (after.low_funds_threshold_micros, after.enabled) == (5_000_000, False)
    stored = await pool.fetch("SELECT instance_id, low_funds_threshold_micros FROM balance")
    assert {row[0]: row[1] for row in stored if row[1]} == {instance.instance.id: 5_000_000}
    largest = pb.SmsSettings(low_funds_threshold_micros=10**12)
    after = await update(settings, largest, "low_funds_threshold_micros")
    assert after.low_funds_threshold_micros == 10**12
    after = await update(settings, pb.SmsSettings(), "low_funds_threshold_micros")
    assert after.low_funds_threshold_micros == 0


@pytest.mark.parametrize("threshold", [-1, 10**12 + 1, 2**63 - 1])
async def test_a_threshold_out_of_range_is_refused(stub: Stubs, threshold: int) -> None:
    bad = pb.SmsSettings(low_funds_threshold_micros=threshold)
    refused = await failure(update(stub(SettingsStub), bad, "low_funds_threshold_micros"))
    assert refused.code is Code.INVALID_ARGUMENT
    assert refused.violations.keys() == {"settings.low_funds_threshold_micros"}


async def test_an_update_of_what_changed_meanwhile_is_refused(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    await update(settings, pb.SmsSettings(enabled=True, etag="1"), "enabled")
    late = await failure(update(settings, pb.SmsSettings(enabled=False, etag="1"), "enabled"))
    assert (late.code, late.reason, late.metadata) == (Code.ABORTED, "ETAG_MISMATCH", {"etag": "2"})
    assert (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings.enabled


async def test_all_that_is_wrong_with_settings_is_said_at_once(stub: Stubs) -> None:
    bad = pb.SmsSettings(time_zone="EST", billing_rule=9, etag="x")  # type: ignore[arg-type]
    paths = ("time_zone", "billing_rule", "default_language", "currency", "%s\n")
    refused = await failure(update(stub(SettingsStub), bad, *paths))
    assert refused.code is Code.INVALID_ARGUMENT
    assert refused.violations.keys() == {
        "settings.time_zone",
        "settings.billing_rule",
        "settings.default_language",
        "settings.etag",
        "update_mask",
    }
    refused = await failure(update(stub(SettingsStub), pb.SmsSettings()))
    assert refused.violations.keys() == {"update_mask"}


ELSEWHERE = [("GB", "US", False), ("CA", "CANADA", False), ("US", "US", True)]


async def move(pool: Pool, tenant: Tenant, country: str, data_center: str, platform: bool) -> None:
    """Makes the instance one of that country and data center, or the platform's own, and off."""
    await pool.execute(
        "UPDATE instance SET sms_enabled = false, country = $2, data_center = $3, platform = $4 "
        "WHERE id = $1",
        tenant.instance.id,
        country,
        data_center,
        platform,
    )


@pytest.mark.parametrize(("country", "data_center", "platform"), ELSEWHERE)
async def test_an_instance_that_cannot_send_cannot_be_enabled(
    stub: Stubs, pool: Pool, instance: Tenant, country: str, data_center: str, platform: bool
) -> None:
    await move(pool, instance, country, data_center, platform)
    settings = stub(SettingsStub)
    given = pb.SmsSettings(enabled=True, time_zone="America/Toronto")
    refused = await failure(update(settings, given, "enabled", "time_zone"))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "SMS_NOT_AVAILABLE")
    assert refused.metadata == {"country": country, "data_center": data_center}
    found = (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings
    assert (found.enabled, found.sms_available, found.etag) == (False, False, "1")
    assert found.time_zone == "America/New_York"


async def test_an_instance_that_cannot_send_keeps_its_other_settings(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    await move(pool, instance, *ELSEWHERE[1])
    after = await update(
        stub(SettingsStub),
        pb.SmsSettings(enabled=False, time_zone="America/Toronto"),
        "enabled",
        "time_zone",
    )
    assert (after.enabled, after.time_zone) == (False, "America/Toronto")


async def test_an_instance_that_loses_sending_meanwhile_is_refused_by_the_database(
    pool: Pool, instance: Tenant
) -> None:
    await move(pool, instance, *ELSEWHERE[1])
    with pytest.raises(WrongState) as caught:
        await update_sms_settings(pool, instance.instance.id, None, SmsSettingsChange(enabled=True))
    assert caught.value.reason is Reason.SMS_NOT_AVAILABLE


@pytest.mark.parametrize("country", ["US", "CA", "GB", "MX"])
@pytest.mark.parametrize("data_center", ["US", "CANADA"])
@pytest.mark.parametrize("platform", [False, True])
async def test_the_database_and_the_domain_agree_on_who_can_send(
    pool: Pool, instance: Tenant, country: str, data_center: str, platform: bool
) -> None:
    await move(pool, instance, country, data_center, platform)
    change = SmsSettingsChange(enabled=True)
    try:
        await update_sms_settings(pool, instance.instance.id, None, change)
        enabled = True
    except WrongState:
        enabled = False
    assert enabled is sms_available(country, data_center, platform)


async def test_a_change_wakes_the_dispatcher_and_a_refused_one_does_not(
    stub: Stubs, server: Running
) -> None:
    settings = stub(SettingsStub)
    number = await create(settings, FIRST)
    await failure(update(settings, pb.SmsSettings(enabled=True, etag="9"), "enabled"))
    await failure(change(settings, pb.SendingNumber(sending_number_id="1"), "disabled"))
    assert len(server.woken) == 0
    await update(settings, pb.SmsSettings(enabled=True), "enabled")
    assert len(server.woken) == 1
    given = pb.SendingNumber(sending_number_id=number.sending_number_id, disabled=False)
    await change(settings, given, "disabled")
    assert len(server.woken) == 2


async def test_the_first_number_is_the_default_until_another_takes_its_place(
    stub: Stubs, pool: Pool
) -> None:
    settings = stub(SettingsStub)
    first = await create(settings, "+1 (212) 555-0101", segments_per_second=2.5)
    assert (first.number, first.is_default, first.disabled) == (FIRST, True, False)
    assert (first.keyword_replies, first.etag) == (pb.KEYWORD_REPLIES_US, "1")
    second = await create(settings, SECOND, keyword_replies=pb.KEYWORD_REPLIES_NETWORK)
    assert (second.is_default, second.keyword_replies) == (False, pb.KEYWORD_REPLIES_NETWORK)
    third = await create(settings, THIRD, is_default=True, disabled=True)
    assert [n.is_default for n in await listed(settings)] == [False, False, True]
    moved = await change(
        settings,
        pb.SendingNumber(sending_number_id=second.sending_number_id, is_default=True),
        "is_default",
    )
    assert (moved.is_default, moved.etag) == (True, "2")
    assert [n.is_default for n in await listed(settings)] == [False, True, False]
    assert (third.disabled, await pool.fetchval("SELECT count(*) FROM sending_rate")) == (True, 3)
    assert await pool.fetchval("SELECT min(tokens) FROM sending_rate") == 2.5


async def test_there_is_one_default_however_many_are_made_at_once(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    numbers = [f"+121255501{n:02}" for n in range(10, 26)]
    await asyncio.gather(*(create(settings, n, is_default=n.endswith("0")) for n in numbers))
    found = await listed(settings)
    assert len(found) == 16
    await asyncio.gather(
        *(
            change(
                settings,
                pb.SendingNumber(sending_number_id=n.sending_number_id, is_default=True),
                "is_default",
            )
            for n in found
        )
    )
    assert sum(n.is_default for n in await listed(settings)) == 1


async def test_a_change_of_a_number_keeps_what_the_mask_leaves_out(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    number = await create(settings, FIRST)
    given = pb.SendingNumber(
        sending_number_id=number.sending_number_id,
        number=SECOND,
        carrier="spare",
        segments_per_second=3,
        keyword_replies=pb.KEYWORD_REPLIES_PROVIDER,
        disabled=True,
        etag="1",
    )
    changed = await change(
        settings, given, "carrier", "segments_per_second", "keyword_replies", "disabled"
    )
    given.number, given.is_default, given.etag = FIRST, True, "2"
    given.create_time.CopyFrom(number.create_time)
    assert changed == given
    given.etag = "1"
    late = await failure(change(settings, given, "carrier"))
    assert (late.code, late.reason, late.metadata) == (Code.ABORTED, "ETAG_MISMATCH", {"etag": "2"})


@pytest.mark.parametrize("mine", [True, False])
async def test_a_number_has_one_owner_in_the_service(
    stub: Stubs, other_instance: Tenant, mine: bool
) -> None:
    settings = stub(SettingsStub)
    await create(settings if mine else stub(SettingsStub, other_instance.key), FIRST)
    taken = await failure(create(settings, FIRST, is_default=True))
    assert (taken.code, taken.reason) == (Code.ALREADY_EXISTS, "PHONE_NUMBER_TAKEN")
    assert FIRST not in taken.message
    assert len(await listed(settings)) == int(mine)


async def test_a_refused_number_leaves_the_default_where_it_was(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    await create(settings, FIRST)
    second = await create(settings, SECOND)
    await failure(create(settings, SECOND, is_default=True))
    late = pb.SendingNumber(sending_number_id=second.sending_number_id, is_default=True, etag="7")
    await failure(change(settings, late, "is_default"))
    assert [n.is_default for n in await listed(settings)] == [True, False]


async def test_another_instance_has_no_sending_numbers_here(
    stub: Stubs, other_instance: Tenant
) -> None:
    number = await create(stub(SettingsStub, other_instance.key), FIRST)
    settings = stub(SettingsStub)
    assert await listed(settings) == []
    refused = await failure(change(settings, number, "is_default"))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "SENDING_NUMBER_NOT_FOUND")
    assert (await listed(stub(SettingsStub, other_instance.key)))[0].is_default


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", ""),
        ("number", "555-0101"),
        ("number", "+442079460123"),
        ("number", "+18095550101"),
        ("number", "+19005550101"),
        ("number", "+12125550101 x12"),
        ("carrier", ""),
        ("carrier", "unknown"),
        ("segments_per_second", 0),
        ("segments_per_second", -1),
        ("segments_per_second", float("nan")),
        ("segments_per_second", float("inf")),
        ("segments_per_second", 100_001),
        ("keyword_replies", 9),
    ],
)
async def test_a_number_that_cannot_send_is_refused(stub: Stubs, field: str, value: Any) -> None:
    fields = {"number": FIRST, field: value}
    refused = await failure(create(stub(SettingsStub), **fields))
    assert refused.code is Code.INVALID_ARGUMENT
    assert refused.violations.keys() == {f"sending_number.{field}"}


async def test_all_that_is_wrong_with_a_number_is_said_at_once(stub: Stubs) -> None:
    refused = await failure(
        create(stub(SettingsStub), "x", carrier="", segments_per_second=0, keyword_replies=4)
    )
    assert len(refused.violations) == 4
    given = pb.SendingNumber(sending_number_id="1", etag="-1", carrier="x")
    refused = await failure(
        change(stub(SettingsStub), given, "carrier", "keyword_replies", "number")
    )
    assert refused.violations.keys() == {
        "sending_number.sending_number_id",
        "sending_number.etag",
        "sending_number.carrier",
        "sending_number.keyword_replies",
        "update_mask",
    }


async def test_numbers_are_listed_page_by_page_oldest_first(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    made = [(await create(settings, f"+121255501{n:02}")).number for n in range(5)]
    found, token = [], ""
    for size in (2, 2, 1):
        request = pb.ListSendingNumbersRequest(page_size=2, page_token=token)
        page = await settings.ListSendingNumbers(request)
        assert len(page.sending_numbers) == size
        found += [number.number for number in page.sending_numbers]
        token = page.next_page_token
    assert (found, token) == (made, "")


async def test_a_number_may_stop_being_the_default_without_another_in_its_place(
    stub: Stubs,
) -> None:
    settings = stub(SettingsStub)
    first = await create(settings, FIRST)
    given = pb.SendingNumber(sending_number_id=first.sending_number_id, is_default=False)
    assert not (await change(settings, given, "is_default")).is_default
    assert not (await create(settings, SECOND)).is_default
    assert [n.is_default for n in await listed(settings)] == [False, False]


@pytest.mark.parametrize(
    "replies", [pb.KEYWORD_REPLIES_US, pb.KEYWORD_REPLIES_PROVIDER, pb.KEYWORD_REPLIES_NETWORK]
)
async def test_a_number_says_who_answers_keywords(
    stub: Stubs, replies: pb.KeywordReplies.ValueType
) -> None:
    settings = stub(SettingsStub)
    made = await create(settings, FIRST, keyword_replies=replies)
    assert made.keyword_replies == replies
    given = pb.SendingNumber(sending_number_id=made.sending_number_id, keyword_replies=replies)
    assert (await change(settings, given, "keyword_replies")).keyword_replies == replies
    assert [n.keyword_replies for n in await listed(settings)] == [replies]


@pytest.mark.parametrize("rate", [0.01, 1, 99.5, 100_000])
async def test_a_rate_is_kept_as_it_was_given(stub: Stubs, rate: float) -> None:
    settings = stub(SettingsStub)
    assert (await create(settings, FIRST, segments_per_second=rate)).segments_per_second == rate


async def test_numbers_of_an_instance_have_carriers_and_rates_of_their_own(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    await create(settings, FIRST, carrier="sandbox", segments_per_second=1)
    await create(settings, SECOND, carrier="spare", segments_per_second=30)
    await create(settings, THIRD, carrier="sandbox", segments_per_second=100, disabled=True)
    assert [(n.carrier, n.segments_per_second, n.disabled) for n in await listed(settings)] == [
        ("sandbox", 1, False),
        ("spare", 30, False),
        ("sandbox", 100, True),
    ]


async def test_a_repeated_creation_makes_one_number(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    number = pb.SendingNumber(number=FIRST, carrier="sandbox", segments_per_second=1)
    request = pb.CreateSendingNumberRequest(
        sending_number=number, request_id="0190a1b2-0000-7000-8000-000000000001"
    )
    first, second = [await settings.CreateSendingNumber(request) for _ in range(2)]
    assert first == second
    assert len(await listed(settings)) == 1
