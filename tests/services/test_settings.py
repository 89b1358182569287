"""SMS settings and sending numbers, through real stubs."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.store.pool import Pool
from outboundsms.v1 import settings_pb2 as pb
from outboundsms.v1.language_pb2 import LANGUAGE_EN, LANGUAGE_FR
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

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
    )


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
    assert after == wanted
    given.etag = ""
    after = await update(settings, given, "enabled", "billing_rule")
    assert (after.enabled, after.billing_rule, after.etag) == (False, pb.BILLING_RULE_CARRIER, "3")
    assert (await settings.GetSmsSettings(pb.GetSmsSettingsRequest())).settings == after
    theirs = await stub(SettingsStub, other_instance.key).GetSmsSettings(pb.GetSmsSettingsRequest())
    assert theirs.settings.etag == "1"


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
