"""Replies that are no keyword, through real stubs."""

from uuid import UUID, uuid4

from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from tests.factories import Isp, add_account, add_contact, add_number, make_isp
from tests.services.running import Stubs, Tenant

WRITER = "+12125550177"
UNCLEAR = 4


async def receive(
    pool: Pool, isp: Isp, text: str, *, e164: str = WRITER, meaning: int = UNCLEAR
) -> str:
    """The id of a text to the sending number of the ISP."""
    return str(
        await pool.fetchval(
            "INSERT INTO inbound_message (instance_id, sending_number_id, carrier, "
            "carrier_message_id, e164, body, meaning) VALUES ($1, $2, 'sandbox', $3, $4, $5, $6) "
            "RETURNING id",
            isp.instance_id,
            isp.sending_number_id,
            str(uuid4()),
            e164,
            text,
            meaning,
        )
    )


async def add_person(pool: Pool, isp: Isp, account_number: str, e164: str) -> UUID:
    account = await add_account(pool, isp, account_number)
    contact = await add_contact(pool, isp, account)
    await add_number(pool, isp, contact, e164)
    return contact


async def test_replies_are_listed_newest_first_page_by_page(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    isp = await make_isp(pool, instance_id=instance.instance.id)
    made = [await receive(pool, isp, f"Text {n}") for n in range(5)]
    for keyword in (1, 2, 3):
        await receive(pool, isp, "Keyword", meaning=keyword)
    request = pb.ListUnclassifiedRepliesRequest(page_size=2)
    found: list[pb.UnclassifiedReply] = []
    sizes = []
    while True:
        page = await stub(ContactsStub).ListUnclassifiedReplies(request)
        found.extend(page.replies)
        sizes.append(len(page.replies))
        # What comes meanwhile shifts nothing.
        await receive(pool, isp, "Later")
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert sizes == [2, 2, 1]
    assert [each.inbound_message_id for each in found] == made[::-1]
    assert [each.text for each in found] == [f"Text {n}" for n in (4, 3, 2, 1, 0)]
    assert {each.number for each in found} == {WRITER}
    assert {each.sending_number_id for each in found} == {str(isp.sending_number_id)}
    assert all(each.receive_time.ToMicroseconds() for each in found)


async def test_a_reply_names_the_contacts_of_its_own_instance_that_have_the_number(
    stub: Stubs, pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    isp = await make_isp(pool, instance_id=instance.instance.id)
    other = await make_isp(pool, instance_id=other_instance.instance.id, sender="+12125550101")
    own = [await add_person(pool, isp, f"A{n}", WRITER) for n in range(2)]
    await add_person(pool, isp, "B", "+12125550178")
    await add_person(pool, other, "A", WRITER)
    await receive(pool, isp, "What is this?")
    await receive(pool, isp, "Who?", e164="+12125550199")
    theirs = await receive(pool, other, "Not yours")
    request = pb.ListUnclassifiedRepliesRequest()
    unknown, known = (await stub(ContactsStub).ListUnclassifiedReplies(request)).replies
    assert list(known.contact_ids) == sorted(map(str, own))
    assert list(unknown.contact_ids) == []
    of_other = await stub(ContactsStub, other_instance.key).ListUnclassifiedReplies(request)
    assert [each.inbound_message_id for each in of_other.replies] == [theirs]
