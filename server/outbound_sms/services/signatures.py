"""Signatures: how texts end, and how any text would look and count."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import signature_fields, text_preview
from outbound_sms.services.missing import check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import departments, signatures
from outbound_sms.store.pool import Connection, Pool
from outbound_sms.store.signatures import Signature
from outboundsms.v1 import signatures_pb2 as pb
from outboundsms.v1 import signatures_pb2_grpc


class Signatures(signatures_pb2_grpc.SignaturesServicer):
    """Serves `outboundsms.v1.Signatures`."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreateSignature(
        self, request: pb.CreateSignatureRequest, context: Any
    ) -> pb.CreateSignatureResponse:
        values = signature_fields.read_values(request.signature)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateSignatureResponse:
            await signatures.lock_defaults(db, instance_id)
            await _check_department(db, instance_id, values.department_id)
            made = await signatures.create_signature(db, instance_id, values)
            return pb.CreateSignatureResponse(signature=signature_fields.show(made))

        return await self._once.run(request, pb.CreateSignatureResponse, work)

    async def GetSignature(
        self, request: pb.GetSignatureRequest, context: Any
    ) -> pb.GetSignatureResponse:
        signature_id = _read_id(Violations(), "signature_id", request.signature_id)
        found = await signatures.get_signature(
            self._pool, current_caller().instance_id, signature_id
        )
        return pb.GetSignatureResponse(signature=signature_fields.show(_known(found, signature_id)))

    async def ListSignatures(
        self, request: pb.ListSignaturesRequest, context: Any
    ) -> pb.ListSignaturesResponse:
        fetch = partial(signatures.list_signatures, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListSignaturesResponse(
            signatures=map(signature_fields.show, found), next_page_token=token
        )

    async def UpdateSignature(
        self, request: pb.UpdateSignatureRequest, context: Any
    ) -> pb.UpdateSignatureResponse:
        given, violations = request.signature, Violations()
        mask = read_mask(violations, request.update_mask, signature_fields.CHANGEABLE)
        etag = parse_etag(violations, given.etag, "signature.etag")
        change = signature_fields.read_change(violations, given, mask)
        signature_id = _read_id(violations, "signature.signature_id", given.signature_id)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdateSignatureResponse:
            await signatures.lock_defaults(db, instance_id)
            found = await signatures.lock_signature(db, instance_id, signature_id)
            stored = _known(found, signature_id)
            check_etag(etag, stored.version)
            values = replace(stored.values, **change)
            await _check_department(db, instance_id, values.department_id)
            updated = await signatures.update_signature(db, instance_id, signature_id, values)
            return pb.UpdateSignatureResponse(signature=signature_fields.show(updated))

        return await self._once.run(request, pb.UpdateSignatureResponse, work)

    async def DeleteSignature(
        self, request: pb.DeleteSignatureRequest, context: Any
    ) -> pb.DeleteSignatureResponse:
        violations = Violations()
        etag = parse_etag(violations, request.etag)
        signature_id = _read_id(violations, "signature_id", request.signature_id)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.DeleteSignatureResponse:
            found = await signatures.lock_signature(db, instance_id, signature_id)
            check_etag(etag, _known(found, signature_id).version)
            await signatures.delete_signature(db, instance_id, signature_id)
            return pb.DeleteSignatureResponse()

        return await self._once.run(request, pb.DeleteSignatureResponse, work)

    async def ListSignatureTemplates(
        self, request: pb.ListSignatureTemplatesRequest, context: Any
    ) -> pb.ListSignatureTemplatesResponse:
        return pb.ListSignatureTemplatesResponse(templates=signature_fields.show_templates())

    async def PreviewText(
        self, request: pb.PreviewTextRequest, context: Any
    ) -> pb.PreviewTextResponse:
        return await text_preview.preview(self._pool, current_caller().instance_id, request)


def _read_id(violations: Violations, field: str, value: str) -> UUID:
    """The id of the signature; raises InvalidRequest with it and all violations before it."""
    signature_id = parse_id(violations, field, value)
    violations.raise_if_any()
    assert signature_id is not None
    return signature_id


def _known(found: Signature | None, signature_id: UUID) -> Signature:
    if found is None:
        raise not_found(Reason.SIGNATURE_NOT_FOUND, "signature", signature_id)
    return found


async def _check_department(db: Connection, instance_id: UUID, department_id: UUID) -> None:
    if await departments.get_department(db, instance_id, department_id) is None:
        raise not_found(Reason.DEPARTMENT_NOT_FOUND, "department", department_id)
