"""Which tenant a call of the platform operator is about."""

from uuid import UUID

from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.domain.instance import Instance
from outbound_sms.rpc.fields import parse_id
from outbound_sms.services.missing import not_found


def read_instance_id(violations: Violations, field: str, value: str) -> UUID:
    """The id of the instance; raises InvalidRequest with it and all violations before it."""
    instance_id = parse_id(violations, field, value)
    violations.raise_if_any()
    assert instance_id is not None
    return instance_id


def known_tenant(found: Instance | None, instance_id: UUID) -> Instance:
    """The instance. The operator's own is not among the tenants: a key of it opens all of them."""
    if found is None or found.platform:
        raise not_found(Reason.INSTANCE_NOT_FOUND, "instance", instance_id)
    return found
