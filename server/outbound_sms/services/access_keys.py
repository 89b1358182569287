"""API keys: what callers prove who they are with."""

from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.errors import InvalidRequest, Reason, Violations
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import access_fields
from outbound_sms.services.access_rights import check_covers, lock_access
from outbound_sms.services.access_roles import MANAGE_ACCESS
from outbound_sms.services.missing import not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import api_keys, roles
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import access_pb2 as pb


class KeyMethods:
    """The part of `outboundsms.v1.Access` about API keys."""

    _pool: Pool
    _pages: Pages
    _once: Once

    async def CreateApiKey(
        self, request: pb.CreateApiKeyRequest, context: Any
    ) -> pb.CreateApiKeyResponse:
        name, role_id, expire_time = access_fields.read_api_key(request.api_key)
        caller, secret = current_caller(), make_key()

        async def work(db: Connection) -> pb.CreateApiKeyResponse:
            rights = await lock_access(db, caller, caller.instance_id, MANAGE_ACCESS)
            role = await roles.get_role(db, caller.instance_id, role_id)
            if role is None:
                raise not_found(Reason.ROLE_NOT_FOUND, "role", role_id)
            check_covers(rights, role.values.permissions, super_admin=role.values.super_admin)
            made = await api_keys.create_api_key(
                db, caller.instance_id, role_id, name, secret, expire_time
            )
            return pb.CreateApiKeyResponse(api_key=access_fields.show_api_key(made))

        answer = await self._once.run(request, pb.CreateApiKeyResponse, work)
        answer.secret = secret.text
        return answer

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, context: Any
    ) -> pb.ListApiKeysResponse:
        fetch = partial(api_keys.list_api_keys, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        shown = map(access_fields.show_api_key, found)
        return pb.ListApiKeysResponse(api_keys=shown, next_page_token=token)

    async def RotateApiKey(
        self, request: pb.RotateApiKeyRequest, context: Any
    ) -> pb.RotateApiKeyResponse:
        violations = Violations()
        overlap = access_fields.read_overlap(violations, request)
        api_key_id = _read_id(violations, request.api_key_id)
        caller, secret = current_caller(), make_key()

        async def work(db: Connection) -> pb.RotateApiKeyResponse:
            instance_id = caller.instance_id
            rights = await lock_access(db, caller, instance_id, MANAGE_ACCESS)
            found = await api_keys.get_api_key(db, instance_id, api_key_id)
            if found is None:
                raise not_found(Reason.API_KEY_NOT_FOUND, "API key", api_key_id)
            old = await api_keys.expire_api_key(db, instance_id, api_key_id, overlap)
            role = await roles.get_role(db, instance_id, found.role_id)
            if old is None or role is None:
                raise InvalidRequest.of(
                    "api_key_id", "is a key that has ended; create another key instead"
                )
            check_covers(rights, role.values.permissions, super_admin=role.values.super_admin)
            made = await api_keys.create_api_key(db, instance_id, role.id, found.name, secret)
            return pb.RotateApiKeyResponse(
                api_key=access_fields.show_api_key(made),
                old_api_key=access_fields.show_api_key(old),
            )

        answer = await self._once.run(request, pb.RotateApiKeyResponse, work)
        answer.secret = secret.text
        return answer

    async def RevokeApiKey(
        self, request: pb.RevokeApiKeyRequest, context: Any
    ) -> pb.RevokeApiKeyResponse:
        api_key_id = _read_id(Violations(), request.api_key_id)
        caller = current_caller()

        async def work(db: Connection) -> pb.RevokeApiKeyResponse:
            await lock_access(db, caller, caller.instance_id, MANAGE_ACCESS)
            key = await api_keys.revoke_api_key(db, caller.instance_id, api_key_id)
            if key is None:
                raise not_found(Reason.API_KEY_NOT_FOUND, "API key", api_key_id)
            return pb.RevokeApiKeyResponse(api_key=access_fields.show_api_key(key))

        return await self._once.run(request, pb.RevokeApiKeyResponse, work)


def _read_id(violations: Violations, value: str) -> UUID:
    """The id of the key; raises InvalidRequest with it and all violations before it."""
    api_key_id = parse_id(violations, "api_key_id", value)
    violations.raise_if_any()
    assert api_key_id is not None
    return api_key_id
