"""Which carrier takes a message: chance by weight among those of its number that work."""

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from outbound_sms.domain.sending_number import CarrierRoute
from outbound_sms.store.dispatch import Claimed

LEAST_FACTOR = 0.1
"""What is left of a carrier's weight when all of its calls of the last minute failed, and it works
again: enough to see it recover."""


class Health(Protocol):
    """How a carrier does: see `CarrierHealth`."""

    @property
    def works(self) -> bool:
        """Whether its breaker is closed."""

    @property
    def free(self) -> bool:
        """Whether it works and has not asked us to slow down."""

    @property
    def healthy(self) -> bool:
        """Whether it is free and its last call did not fail."""

    @property
    def failed_share(self) -> float:
        """The share of its calls of the last minute that failed."""


class Way(Protocol):
    """What the choice asks of a carrier's lane."""

    @property
    def health(self) -> Health:
        """How the carrier does."""

    @property
    def room(self) -> int:
        """Messages that it takes now."""

    @property
    def claimable(self) -> int:
        """`room`, or 0 while that is too little for a claim to be worth it."""


class Routing:
    """Chooses between the carriers of this process, by name. `chance` decides by weight."""

    def __init__(self, ways: Mapping[str, Way], chance: random.Random | None = None) -> None:
        self._ways = ways
        self._chance = chance or random.Random()

    def claimable(self, routes: Sequence[CarrierRoute]) -> int:
        """Messages with these routes that are worth claiming now."""
        if len(routes) == 1:
            way = self._ways.get(routes[0].carrier)
            return way.claimable if way is not None else 0
        return sum(self._ways[route.carrier].claimable for route in self._in_use(routes))

    def assign(self, messages: Sequence[Claimed]) -> dict[str | None, list[Claimed]]:
        """The messages by the carrier that is to take each; None: no carrier of theirs can now."""
        rooms = {name: way.room for name, way in self._ways.items()}
        assigned: dict[str | None, list[Claimed]] = {}
        for message in messages:
            carrier = self._choose(message, rooms)
            if carrier is not None:
                rooms[carrier] -= 1
            assigned.setdefault(carrier, []).append(message)
        return assigned

    def elsewhere(self, message: Claimed, carrier: str) -> bool:
        """Whether a carrier of the message other than `carrier` is in good health."""
        return len(message.group.routes) > 1 and any(
            route.carrier != carrier and self._ways[route.carrier].health.healthy
            for route in self._in_use(message.group.routes)
        )

    def _in_use(self, routes: Sequence[CarrierRoute]) -> Sequence[CarrierRoute]:
        """The routes of carriers that this process has, standbys only while no other works."""
        known = [route for route in routes if route.carrier in self._ways]
        weighted = [route for route in known if route.weight > 0]
        return weighted if any(self._ways[r.carrier].health.works for r in weighted) else known

    def _choose(self, message: Claimed, rooms: Mapping[str, int]) -> str | None:
        routes = message.group.routes
        in_use = routes if len(routes) == 1 else self._in_use(routes)
        able = [route for route in in_use if rooms.get(route.carrier, 0) > 0]
        if not able:
            # The window of a carrier may have become smaller since the claim: that does no harm.
            able = [r for r in in_use if r.carrier in rooms and self._ways[r.carrier].health.free]
        if len(able) > 1:
            able = [route for route in able if route.carrier != message.last_carrier] or able
        if len(able) <= 1:
            return able[0].carrier if able else None
        for route in able:
            if not self._ways[route.carrier].health.works:
                # It is half-open: this message shows whether it works again.
                return route.carrier
        (chosen,) = self._chance.choices(able, self._weights(able))
        return chosen.carrier

    def _weights(self, able: Sequence[CarrierRoute]) -> Sequence[float]:
        """Of standbys among themselves, and of nothing else, the weights are equal."""
        return [
            (route.weight or 1)
            * max(LEAST_FACTOR, 1 - self._ways[route.carrier].health.failed_share)
            for route in able
        ]
