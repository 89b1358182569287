"""The carriers of a sending number as they are sent and received."""

import re
from collections.abc import Collection, Sequence

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.sending_number import LARGEST_WEIGHT, MOST_ROUTES, CarrierRoute
from outboundsms.v1 import settings_pb2

_FIELD = "sending_number.routes"
_SENDER = re.compile(r"[A-Za-z0-9]{1,64}")


def read(
    violations: Violations,
    given: settings_pb2.SendingNumber,
    carriers: Collection[str],
    *,
    with_carrier: bool,
) -> tuple[CarrierRoute, ...]:
    """The routes of a number; worth using only when there is no violation.

    `with_carrier`: its `carrier` is to be heeded, which then must be one of theirs if it is said.
    """
    routes = given.routes
    if len(routes) > MOST_ROUTES:
        violations.add(_FIELD, f"are {len(routes)}; give at most {MOST_ROUTES}")
        return ()
    seen: dict[str, int] = {}
    for index, route in enumerate(routes):
        _check(violations, f"{_FIELD}[{index}]", route, carriers)
        first = seen.setdefault(route.carrier, index)
        if first != index:
            violations.add(
                f"{_FIELD}[{index}].carrier", f"is that of routes[{first}]; give each once"
            )
    if routes and not any(route.weight for route in routes):
        violations.add(_FIELD, "are all standbys; give one of them a weight")
    if routes and with_carrier and given.carrier and given.carrier not in seen:
        violations.add(
            "sending_number.carrier", "is not a carrier of the routes; leave it out, or add it"
        )
    return tuple(CarrierRoute(each.carrier, each.weight, each.sender or None) for each in routes)


def show(routes: Sequence[CarrierRoute]) -> list[settings_pb2.CarrierRoute]:
    """The routes as the contract has them."""
    return [
        settings_pb2.CarrierRoute(
            carrier=route.carrier, weight=route.weight, sender=route.sender or ""
        )
        for route in routes
    ]


def check_known(
    violations: Violations, field: str, carrier: str, carriers: Collection[str]
) -> None:
    """Adds a violation when the server has no such carrier."""
    if carrier not in carriers:
        listed = ", ".join(sorted(carriers)) or "none is configured"
        violations.add(field, f"is not a carrier of this server; choose from: {listed}")


def _check(
    violations: Violations,
    field: str,
    route: settings_pb2.CarrierRoute,
    carriers: Collection[str],
) -> None:
    check_known(violations, f"{field}.carrier", route.carrier, carriers)
    if not 0 <= route.weight <= LARGEST_WEIGHT:
        violations.add(f"{field}.weight", f"must be 0 to {LARGEST_WEIGHT}")
    if route.sender and not _SENDER.fullmatch(route.sender):
        violations.add(f"{field}.sender", "must be letters and digits, 64 at most")
