"""Ids of another instance: wherever a request takes an id, they are like ids that do not exist."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from outbound_sms.domain.access import RoleValues
from outbound_sms.domain.api_key import make_key
from outbound_sms.store.api_keys import create_api_key
from outbound_sms.store.pool import Pool
from outbound_sms.store.roles import create_role
from outboundsms.v1 import delivery_pb2
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from tests.services.every_method import METHODS, call, short_name
from tests.services.failures import Failure
from tests.services.foreign_requests import ANSWER_LATER, NOT_READ, OPERATORS, REQUESTS
from tests.services.running import Stubs, Tenant, run_server
from tests.services.sent import make_outbox
from tests.store.row_of_everything import EVERYBODYS, add_row_of_everything

Code = grpc.StatusCode
READS = ("Get", "List", "Preview", "Watch")
# Written for the caller alone, and by the server without a call.
BOOKKEEPING = {"idempotency", "feed"}
# Tables whose rows belong to another table's.
WITHOUT_INSTANCE = {"attempt", "mass_message_count", "receipt", "sending_rate", "submitted_part"}

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a method's request that holds an id, by the path to it and the noun it is of."""

    method: MethodDescriptor
    path: tuple[str, ...]

    @property
    def noun(self) -> str:
        return self.path[-1].removesuffix("s").removesuffix("_id")

    @property
    def is_read(self) -> bool:
        return ".".join(self.path) not in NOT_READ.get(short_name(self.method), ())

    def __str__(self) -> str:
        return f"{short_name(self.method)}:{'.'.join(self.path)}"


def find_ids(
    message: Descriptor, path: tuple[str, ...] = (), around: tuple[Descriptor, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths of fields that hold ids of things, at any depth; once round where it is endless."""
    for field in message.fields:
        here = (*path, field.name)
        if field.message_type is not None:
            if field.message_type not in around:
                yield from find_ids(field.message_type, here, (*around, field.message_type))
        elif field.name.endswith(("_id", "_ids")) and field.name != "request_id":
            assert field.type == FieldDescriptor.TYPE_STRING, here
            yield here


PLACES = [
    Place(method, path)
    for method in METHODS
    if method.containing_service.name not in OPERATORS
    for path in find_ids(method.input_type)
]


@dataclass(frozen=True, slots=True)
class Tenants:
    """Two instances that have one of everything, a channel to the server, a key of the first."""

    pool: Pool
    channel: grpc.aio.Channel
    authorization: str
    own_id: UUID
    other_id: UUID
    own: dict[str, str]
    other: dict[str, str]


@pytest.fixture
async def tenants(pool: Pool) -> AsyncIterator[Tenants]:
    own_id = await add_row_of_everything(pool, "+12125550100")
    other_id = await add_row_of_everything(pool, "+12125550101")
    await pool.execute(
        "UPDATE message m SET account_id = c.account_id, triggered_message_id = t.id "
        "FROM contact c, triggered_message t WHERE c.id = m.contact_id "
        "AND t.instance_id = m.instance_id"
    )
    await pool.execute(
        "UPDATE account a SET network_site_ids = ARRAY[s.id] FROM network_site s "
        "WHERE s.instance_id = a.instance_id"
    )
    nouns = {place.noun for place in PLACES}
    own, other = [await _ids_of(pool, nouns, each) for each in (own_id, other_id)]
    key = await _add_key(pool, own_id)
    async with (
        run_server(pool) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        yield Tenants(pool, channel, key, own_id, other_id, own, other)


async def _add_key(pool: Pool, instance_id: UUID) -> str:
    """The authorization of a super-admin's key."""
    secret = make_key()
    role = await create_role(pool, instance_id, RoleValues("Super-admin", super_admin=True))
    await create_api_key(pool, instance_id, role.id, "caller", secret)
    return f"Bearer {secret.text}"


async def _ids_of(pool: Pool, nouns: set[str], instance_id: UUID) -> dict[str, str]:
    """The id of one thing of each noun, which has the name of its table."""
    found = {}
    for noun in nouns:
        id_ = await pool.fetchval(
            f"SELECT id FROM {noun} WHERE instance_id = $1 ORDER BY id LIMIT 1", instance_id
        )
        assert id_ is not None, noun
        found[noun] = str(id_)
    return found


def fill(value: Any, own: dict[str, str]) -> Any:
    """The request as JSON, with the caller's own ids."""
    number = next(_numbers)
    text = json.dumps(value).replace('"$uuid"', f'"{uuid4()}"')
    text = text.replace('"$phone"', f'"+1303555{100 + number % 100:04}"')
    for noun in sorted(own, key=len, reverse=True):
        text = text.replace(f'"${noun}"', f'"{own[noun]}"')
    return json.loads(text.replace("$n", str(number)))


def put(message: Any, path: tuple[str, ...], id_: str) -> None:
    """Sets the field of the path, in the first of each list on the way."""
    *way, last = path
    for name in way:
        inner = getattr(message, name)
        is_list = hasattr(inner, "add")
        message = (inner[0] if inner else inner.add()) if is_list else inner
    field = getattr(message, last)
    if isinstance(field, str):
        setattr(message, last, id_)
    else:
        field[:] = [id_]


async def send(tenants: Tenants, place: Place, id_: str) -> Message | Failure | None:
    """What a call comes to that is right but for this id."""
    request = GetMessageClass(place.method.input_type)()
    ParseDict(fill(REQUESTS[short_name(place.method)], tenants.own), request)
    put(request, place.path, id_)
    return await call(tenants.channel, place.method, [request], tenants.authorization)


def shown(told: Message | Failure | None, id_: str) -> Any:
    """What the caller has learnt, but for the id itself and for what differs from call to call."""
    if told is None or isinstance(told, Failure):
        told_all: Any = told and (told.code.name, told.reason, told.message, told.metadata)
        text = json.dumps(told_all, default=str)
    else:
        text = json.dumps(_without_cursor(MessageToDict(told)))
    return json.loads(text.replace(id_, "ID"))


def _without_cursor(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("cursor", "nextCursor")}


async def snapshot(tenants: Tenants, instance_id: UUID | None) -> dict[str, str]:
    """A digest of every table: of the rows of one instance, or of all rows there are."""
    tables = await tenants.pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    digests = {}
    for table in (row["relname"] for row in tables):
        if table in BOOKKEEPING | EVERYBODYS:
            continue
        if instance_id is not None and table in WITHOUT_INSTANCE:
            continue
        column = "id" if table == "instance" else "instance_id"
        where = "" if instance_id is None else f"WHERE {column} = '{instance_id}'"
        # When a key was used is written at any time.
        digests[table] = await tenants.pool.fetchval(
            f"SELECT md5(string_agg((to_jsonb(t) - 'last_use_time')::text, '' "
            f"ORDER BY (to_jsonb(t) - 'last_use_time')::text)) FROM {table} t {where}"
        )
    return digests


def test_there_is_a_request_for_every_method_that_takes_an_id() -> None:
    assert len(PLACES) > 80
    assert {short_name(place.method) for place in PLACES} == REQUESTS.keys()
    stale = {
        f"{name}:{path}"
        for name, paths in NOT_READ.items()
        for path in paths
        if f"{name}:{path}" not in {str(place) for place in PLACES}
    }
    assert stale == set()


async def test_another_instances_id_is_like_one_that_does_not_exist(tenants: Tenants) -> None:
    wrong: list[tuple[object, ...]] = []
    before = await snapshot(tenants, None)
    for place in (place for place in PLACES if place.is_read):
        foreign, unknown = tenants.other[place.noun], str(uuid4())
        told = await send(tenants, place, foreign)
        if shown(told, foreign) != shown(await send(tenants, place, unknown), unknown):
            wrong.append((str(place), "is told apart", told))
        is_read = place.method.name.startswith(READS)
        if not is_read and not _is_not_found(told):
            wrong.append((str(place), "is not said to be unknown", told))
        if is_read and isinstance(told, Failure) and told.code is not Code.NOT_FOUND:
            wrong.append((str(place), "is refused for another reason", told))
        after = await snapshot(tenants, None)
        if after != before:
            changed = sorted(name for name in after if after[name] != before[name])
            wrong.append((str(place), f"has changed {changed}", told))
            before = after
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_requests_are_right_but_for_the_foreign_id(tenants: Tenants) -> None:
    """With the caller's own id, what is only read answers otherwise than for an unknown one."""
    wrong: list[tuple[object, ...]] = []
    for place in (place for place in PLACES if place.is_read):
        if not place.method.name.startswith(READS) or short_name(place.method) in ANSWER_LATER:
            continue
        own, unknown = tenants.own[place.noun], str(uuid4())
        told = await send(tenants, place, own)
        if isinstance(told, Failure):
            wrong.append((str(place), told))
        elif shown(told, own) == shown(await send(tenants, place, unknown), unknown):
            wrong.append((str(place), "answers the same for an unknown id"))
    assert not wrong, "\n".join(map(str, wrong))


async def test_ids_that_requests_are_not_read_for_touch_nobody_else(tenants: Tenants) -> None:
    wrong: list[tuple[object, ...]] = []
    before = await snapshot(tenants, tenants.other_id)
    for place in (place for place in PLACES if not place.is_read):
        foreign = tenants.other[place.noun]
        told = await send(tenants, place, foreign)
        if isinstance(told, Failure) or foreign in str(told):
            wrong.append((str(place), told))
        if await snapshot(tenants, tenants.other_id) != before:
            wrong.append((str(place), "has changed another instance", told))
    assert not wrong, "\n".join(map(str, wrong))


def _is_not_found(told: Message | Failure | None) -> bool:
    if isinstance(told, Failure):
        return told.code is Code.NOT_FOUND
    # A stream answers for each event.
    answers: Any = getattr(told, "answers", ())
    return bool(answers) and all(each.error.code == Code.NOT_FOUND.value[0] for each in answers)


async def test_a_watch_of_another_instances_mass_message_tells_nothing(
    stub: Stubs, pool: Pool, other_instance: Tenant
) -> None:
    theirs, mass_message = await make_outbox(pool, other_instance.instance.id), uuid4()
    await theirs.add(mass_message_id=mass_message)
    request = delivery_pb2.WatchMessagesRequest(
        start=delivery_pb2.WATCH_START_OLDEST,
        mass_message_id=str(mass_message),
        bookmark_interval=Duration(seconds=1),
    )
    async with asyncio.timeout(10):
        call = stub(DeliveryStub, other_instance.key).WatchMessages(request)
        while not (await call.read()).events:
            pass
        call.cancel()
        # The event is in the feed now: a bookmark that comes without it has passed it over.
        call = stub(DeliveryStub).WatchMessages(request)
        answers = [await call.read() for _ in range(2)]
        call.cancel()
    assert [list(answer.events) for answer in answers] == [[], []]
