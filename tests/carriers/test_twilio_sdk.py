"""Twilio's own client library talks to the sandbox, and believes that it is Twilio."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.carriers.harness import ACCOUNT_SID, RunSandbox, Sandbox
from tests.carriers.twilio_library import BODY, FROM, TO, Library

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def library(sandbox: Sandbox) -> Library:
    return Library(sandbox)


async def test_a_message_that_the_library_creates_it_can_fetch(
    sandbox: Sandbox, library: Library
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    created = await library.send()
    assert (created.status, created.error_code, created.date_sent) == ("queued", None, None)
    await sandbox.settled()
    fetched = await library.fetch(created.sid)
    for message in (created, fetched):
        assert (message.to, message.from_, message.body) == (TO, FROM, BODY)
        assert (message.account_sid, message.direction) == (ACCOUNT_SID, "outbound-api")
        assert (message.num_segments, message.num_media) == ("1", "0")
        assert before <= message.date_created <= datetime.now(UTC)
        assert message.uri == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{created.sid}.json"
    assert (fetched.sid, fetched.status) == (created.sid, "delivered")
    assert before <= fetched.date_sent <= datetime.now(UTC)
    assert [entry["body"] for entry in await sandbox.accepted()] == [BODY]


async def test_the_library_sends_through_a_sender_pool(library: Library) -> None:
    service = "MG" + "0" * 32
    created = await library.send(
        from_=None, messaging_service_sid=service, smart_encoded=False, validity_period=300
    )
    assert created.messaging_service_sid == service


async def test_the_list_is_filtered_by_number_and_read_page_by_page(library: Library) -> None:
    sids = [(await library.send()).sid for _ in range(5)][::-1]
    other = (await library.send("+14165550124")).sid
    third = (await library.send(from_="+12125550102")).sid
    assert await library.list(to=TO, from_=FROM, page_size=2) == sids
    assert await library.list(to=TO, from_=FROM, page_size=2, limit=3) == sids[:3]
    assert await library.list(to="+14165550124") == [other]
    assert await library.list(to="+14165550125") == []
    assert await library.list() == [third, other, *sids]


async def test_the_address_of_the_first_page_keeps_the_filters(
    sandbox: Sandbox, library: Library
) -> None:
    sids = [(await library.send()).sid for _ in range(3)][::-1]
    await library.send("+14165550124")
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?PageSize=2&To=%2B{TO[1:]}"
    last = await sandbox.get((await sandbox.get(path))["next_page_uri"])
    first = await sandbox.get(last["first_page_uri"])
    for page, expected in ((last, sids[2:]), (first, sids[:2])):
        assert [row["sid"] for row in page["messages"]] == expected
    assert (first["page"], last["page"]) == (0, 1)


async def test_the_list_is_filtered_by_the_date_of_sending(
    sandbox: Sandbox, library: Library
) -> None:
    sid = (await library.send()).sid
    await sandbox.settled()
    sent = (await library.fetch(sid)).date_sent
    for filters in (
        {"date_sent": sent},
        {"date_sent": sent.date()},
        {"date_sent": str(sent.date())},
        {"date_sent_after": sent},
        {"date_sent_after": str(sent.date())},
        {"date_sent_before": sent},
        {"date_sent_before": str(sent.date())},
        {"date_sent_after": sent - DAY, "date_sent_before": sent + DAY},
    ):
        assert await library.list(to=TO, **filters) == [sid], filters
    for filters in (
        {"date_sent": sent - DAY},
        {"date_sent": sent + DAY},
        {"date_sent_after": sent + SECOND},
        {"date_sent_after": str((sent + DAY).date())},
        {"date_sent_before": sent - SECOND},
        {"date_sent_before": str((sent - DAY).date())},
        {"date_sent_after": sent - DAY, "date_sent_before": sent - SECOND},
    ):
        assert await library.list(to=TO, **filters) == [], filters


async def test_a_message_that_was_not_sent_yet_is_in_no_list_by_date(
    run_sandbox: RunSandbox,
) -> None:
    async with run_sandbox(receipt_delay=30.0) as sandbox:
        library = Library(sandbox)
        sid = (await library.send()).sid
        assert await library.list(to=TO) == [sid]
        assert await library.list(date_sent_before=datetime.now(UTC) + DAY) == []
        assert await library.list(date_sent_after=datetime.now(UTC) - DAY) == []


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("date_sent", "soon"),
        ("date_sent", "9999-99-99"),
        # Its day in Greenwich is before the first one.
        ("date_sent", "0001-01-01T00:00:00+23:00"),
        ("date_sent_after", "soon"),
        ("date_sent_before", "soon"),
    ],
)
async def test_a_list_by_a_date_that_is_none_is_refused(
    library: Library, name: str, date: str
) -> None:
    refusal = await library.refusal(lambda client: client.messages.list(**{name: date}))
    assert refusal == (400, 20001)


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
async def test_the_first_and_the_last_day_there_are_can_be_asked_for(
    library: Library, date: str
) -> None:
    for name in ("date_sent", "date_sent_after", "date_sent_before"):
        assert await library.list(**{name: date}) == []


@pytest.mark.parametrize(("local", "code"), [("0195", 21211), ("0196", 21610), ("0197", 21614)])
async def test_a_refusing_number_raises_twilios_exception(
    sandbox: Sandbox, library: Library, local: str, code: int
) -> None:
    refusal = await library.refusal(
        lambda client: client.messages.create(to=f"+1867555{local}", from_=FROM, body=BODY)
    )
    assert refusal == (400, code)
    assert await sandbox.accepted() == []


async def test_the_throttled_number_raises_429_and_passes_when_repeated(
    sandbox: Sandbox, library: Library
) -> None:
    to = "+18675550199"
    refusal = await library.refusal(
        lambda client: client.messages.create(to=to, from_=FROM, body=BODY)
    )
    assert refusal == (429, 20429)
    # The library repeats nothing by itself.
    assert await sandbox.accepted() == []
    assert (await library.send(to)).status == "queued"


@pytest.mark.parametrize(
    ("local", "status", "code"),
    [
        ("0190", "undelivered", 30003),
        ("0191", "undelivered", 30005),
        ("0192", "undelivered", 30006),
        ("0193", "undelivered", 30007),
        ("0194", "failed", 30008),
        ("0198", "sent", None),
    ],
)
async def test_what_becomes_of_a_message_to_a_special_number_is_read_by_the_library(
    sandbox: Sandbox, library: Library, local: str, status: str, code: int | None
) -> None:
    created = await library.send(f"+1867555{local}")
    await sandbox.settled()
    fetched = await library.fetch(created.sid)
    assert (fetched.status, fetched.error_code) == (status, code)


async def test_a_rate_that_is_exceeded_raises_429(run_sandbox: RunSandbox) -> None:
    async with run_sandbox(segments_per_second=1.0) as sandbox:
        library = Library(sandbox)
        await library.send()
        refusal = await library.refusal(
            lambda client: client.messages.create(to=TO, from_=FROM, body="a" * 200)
        )
    assert refusal == (429, 20429)


async def test_a_wrong_token_and_an_unknown_message_raise_twilios_exceptions(
    library: Library,
) -> None:
    for call in (
        lambda client: client.messages.create(to=TO, from_=FROM, body=BODY),
        lambda client: client.messages.list(to=TO),
        lambda client: client.messages("SM" + "0" * 32).fetch(),
    ):
        assert (await library.refusal(call, auth_token="wrong")) == (401, 20003)
    unknown = await library.refusal(lambda client: client.messages("SM" + "0" * 32).fetch())
    assert unknown == (404, 20404)
