"""The choice of a carrier for each message."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from outbound_sms.dispatch.routes import Routing
from outbound_sms.domain.sending_number import CarrierRoute
from outbound_sms.store.dispatch import Claimed, OpenGroup


@dataclass
class Health:
    works: bool = True
    free: bool = True
    healthy: bool = True
    failed_share: float = 0.0


@dataclass
class Way:
    room: int = 1000
    health: Health = field(default_factory=Health)

    @property
    def claimable(self) -> int:
        return self.room


def half_open(room: int = 1) -> Way:
    return Way(room, Health(works=False, free=False, healthy=False))


def down() -> Way:
    return half_open(0)


def throttled() -> Way:
    return Way(0, Health(free=False, healthy=False))


def routes(**weights: int) -> tuple[CarrierRoute, ...]:
    return tuple(CarrierRoute(name, weight) for name, weight in weights.items())


def messages(
    count: int, of: tuple[CarrierRoute, ...], last_carrier: str | None = None
) -> list[Claimed]:
    group = OpenGroup(UUID(int=1), 5, "", None, of)
    valid_until = datetime(2027, 1, 1, tzinfo=UTC)
    return [
        Claimed(group, UUID(int=n), 1, 0, last_carrier, "+1", "+1", UUID(int=1), 1, valid_until)
        for n in range(count)
    ]


def shares(
    ways: dict[str, Way], of: tuple[CarrierRoute, ...], count: int = 1000, last: str | None = None
) -> Counter[str | None]:
    """How many of `count` messages each carrier gets; None: nobody."""
    assigned = Routing(ways, random.Random(1)).assign(messages(count, of, last))
    return Counter({name: len(found) for name, found in assigned.items()})


def test_the_weights_are_kept() -> None:
    ways = {"a": Way(10_000), "b": Way(10_000), "c": Way(10_000)}
    found = shares(ways, routes(a=60, b=30, c=10), count=6000)
    # Four standard deviations of the binomial distribution.
    assert abs(found["a"] - 3600) < 152
    assert abs(found["b"] - 1800) < 142
    assert abs(found["c"] - 600) < 93


@pytest.mark.parametrize("other", [down(), throttled()])
def test_the_others_take_the_share_of_one_that_fails_or_asked_us_to_slow_down(other: Way) -> None:
    ways = {"a": other, "b": Way(), "c": Way()}
    found = shares(ways, routes(a=98, b=1, c=1))
    assert found["a"] == 0 and found["b"] + found["c"] == 1000
    assert abs(found["b"] - 500) < 64


def test_the_weight_of_one_that_fails_a_part_of_its_calls_is_lowered_by_it() -> None:
    ways = {"a": Way(10_000, Health(failed_share=0.5)), "b": Way(10_000)}
    found = shares(ways, routes(a=50, b=50), count=6000)
    assert abs(found["a"] - 2000) < 147
    ways["a"].health.failed_share = 1.0
    assert 300 < shares(ways, routes(a=50, b=50), count=6000)["a"] < 800, "to see it recover"


def test_a_standby_takes_texts_only_while_no_other_works() -> None:
    of = routes(a=1, standby=0)
    assert shares({"a": Way(), "standby": Way()}, of) == {"a": 1000}
    assert shares({"a": throttled(), "standby": Way()}, of) == {None: 1000}
    assert shares({"a": down(), "standby": Way()}, of) == {"standby": 1000}
    assert shares({"standby": Way()}, of) == {"standby": 1000}
    assert Routing({"a": throttled(), "standby": Way()}).claimable(of) == 0
    assert Routing({"a": down(), "standby": Way(7)}).claimable(of) == 7
    ways = {"a": down(), "x": Way(), "y": Way()}
    found = shares(ways, routes(a=1, x=0, y=0))
    assert abs(found["x"] - 500) < 64 and found["x"] + found["y"] == 1000


def test_one_that_is_to_be_tried_gets_one_message() -> None:
    assert shares({"a": half_open(), "b": Way()}, routes(a=1, b=99)) == {"a": 1, "b": 999}
    assert shares({"a": half_open()}, routes(a=1)) == {"a": 1, None: 999}


def test_a_message_prefers_another_than_the_carrier_that_did_not_take_it() -> None:
    of = routes(a=99, b=1)
    assert shares({"a": Way(), "b": Way()}, of, last="a") == {"b": 1000}
    assert shares({"a": Way(), "b": down()}, of, last="a") == {"a": 1000}
    assert shares({"a": Way()}, routes(a=1), last="a") == {"a": 1000}


def test_no_carrier_gets_more_than_it_has_room_for_while_another_has_some() -> None:
    ways = {"a": Way(100), "b": Way(900)}
    assert shares(ways, routes(a=50, b=50)) == {"a": 100, "b": 900}
    assert shares({"a": Way(10)}, routes(a=1)) == {"a": 1000}, "its window has become smaller"


def test_messages_without_a_carrier_in_this_process_stay() -> None:
    routing = Routing({"a": Way()})
    assert routing.claimable(routes(x=1)) == routing.claimable(routes(x=1, y=1)) == 0
    assert shares({"a": Way()}, routes(x=1)) == {None: 1000}
    assert shares({"a": Way()}, routes(x=99, a=1)) == {"a": 1000}


@pytest.mark.parametrize(
    ("ways", "of", "expected"),
    [
        ({"a": Way(), "b": Way()}, routes(a=1, b=1), True),
        ({"a": Way(), "b": down()}, routes(a=1, b=1), False),
        ({"a": Way(), "b": throttled()}, routes(a=1, b=1), False),
        ({"a": Way(), "b": Way()}, routes(a=1, b=0), False),
        ({"a": down(), "b": Way()}, routes(a=1, b=0), True),
        ({"a": Way()}, routes(a=1, b=1), False),
        ({"a": Way()}, routes(a=1), False),
    ],
)
def test_whether_a_message_would_do_better_elsewhere(
    ways: dict[str, Way], of: tuple[CarrierRoute, ...], expected: bool
) -> None:
    found: Sequence[Claimed] = messages(1, of)
    assert Routing(ways).elsewhere(found[0], "a") is expected
