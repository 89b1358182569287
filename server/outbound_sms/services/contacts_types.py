"""Phone number types and message categories."""

from dataclasses import replace
from functools import partial
from typing import Any

from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.missing import check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import accounts, message_categories, phone_number_types
from outbound_sms.store.message_categories import MessageCategory
from outbound_sms.store.phone_number_types import PhoneNumberType
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import contacts_pb2 as pb

LONGEST_NAME = 100
CHANGEABLE = frozenset({"name", "sms_capable"})


class TypeMethods:
    """The part of `outboundsms.v1.Contacts` about what numbers and messages are sorted into."""

    _pool: Pool
    _pages: Pages
    _once: Once

    async def CreatePhoneNumberType(
        self, request: pb.CreatePhoneNumberTypeRequest, context: Any
    ) -> pb.CreatePhoneNumberTypeResponse:
        violations = Violations()
        given = request.phone_number_type
        name = _read_name(violations, "phone_number_type.name", given.name)
        violations.raise_if_any()
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreatePhoneNumberTypeResponse:
            made = await phone_number_types.create_type(db, instance_id, name, given.sms_capable)
            return pb.CreatePhoneNumberTypeResponse(phone_number_type=_show_type(made))

        return await self._once.run(request, pb.CreatePhoneNumberTypeResponse, work)

    async def ListPhoneNumberTypes(
        self, request: pb.ListPhoneNumberTypesRequest, context: Any
    ) -> pb.ListPhoneNumberTypesResponse:
        fetch = partial(phone_number_types.list_types, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListPhoneNumberTypesResponse(
            phone_number_types=map(_show_type, found), next_page_token=token
        )

    async def UpdatePhoneNumberType(
        self, request: pb.UpdatePhoneNumberTypeRequest, context: Any
    ) -> pb.UpdatePhoneNumberTypeResponse:
        violations = Violations()
        given = request.phone_number_type
        field = "phone_number_type"
        type_id = parse_id(violations, f"{field}.phone_number_type_id", given.phone_number_type_id)
        etag = parse_etag(violations, given.etag, f"{field}.etag")
        fields = read_mask(violations, request.update_mask, CHANGEABLE)
        name = _read_name(violations, f"{field}.name", given.name) if "name" in fields else None
        violations.raise_if_any()
        assert type_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdatePhoneNumberTypeResponse:
            wanted = await phone_number_types.lock_type(db, instance_id, type_id)
            if wanted is None:
                raise not_found(Reason.PHONE_NUMBER_TYPE_NOT_FOUND, "phone number type", type_id)
            check_etag(etag, wanted.version)
            if name is not None:
                wanted = replace(wanted, name=name)
            if "sms_capable" in fields:
                wanted = replace(wanted, sms_capable=given.sms_capable)
            updated = await phone_number_types.update_type(db, instance_id, wanted)
            return pb.UpdatePhoneNumberTypeResponse(phone_number_type=_show_type(updated))

        return await self._once.run(request, pb.UpdatePhoneNumberTypeResponse, work)

    async def DeletePhoneNumberType(
        self, request: pb.DeletePhoneNumberTypeRequest, context: Any
    ) -> pb.DeletePhoneNumberTypeResponse:
        violations = Violations()
        type_id = parse_id(violations, "phone_number_type_id", request.phone_number_type_id)
        violations.raise_if_any()
        assert type_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.DeletePhoneNumberTypeResponse:
            # Those who give a number a type hold the lock too, and so never give one that vanishes.
            await accounts.lock_accounts(db, instance_id)
            if not await phone_number_types.delete_type(db, instance_id, type_id):
                raise not_found(Reason.PHONE_NUMBER_TYPE_NOT_FOUND, "phone number type", type_id)
            return pb.DeletePhoneNumberTypeResponse()

        return await self._once.run(request, pb.DeletePhoneNumberTypeResponse, work)

    async def CreateMessageCategory(
        self, request: pb.CreateMessageCategoryRequest, context: Any
    ) -> pb.CreateMessageCategoryResponse:
        violations = Violations()
        name = _read_name(violations, "name", request.name)
        violations.raise_if_any()
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateMessageCategoryResponse:
            if request.apply_to_existing_contacts:
                await accounts.lock_accounts(db, instance_id)
            made = await message_categories.create_category(
                db,
                instance_id,
                name,
                is_default=request.is_default,
                for_existing=request.apply_to_existing_contacts,
            )
            return pb.CreateMessageCategoryResponse(message_category=_show_category(made))

        return await self._once.run(request, pb.CreateMessageCategoryResponse, work)

    async def ListMessageCategories(
        self, request: pb.ListMessageCategoriesRequest, context: Any
    ) -> pb.ListMessageCategoriesResponse:
        fetch = partial(
            message_categories.list_categories, self._pool, current_caller().instance_id
        )
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListMessageCategoriesResponse(
            message_categories=map(_show_category, found), next_page_token=token
        )


def _read_name(violations: Violations, field: str, name: str) -> str:
    return check_text(violations, field, name, required=True, longest=LONGEST_NAME)


def _show_type(stored: PhoneNumberType) -> pb.PhoneNumberType:
    return pb.PhoneNumberType(
        phone_number_type_id=str(stored.id),
        name=stored.name,
        sms_capable=stored.sms_capable,
        etag=str(stored.version),
    )


def _show_category(stored: MessageCategory) -> pb.MessageCategory:
    return pb.MessageCategory(
        message_category_id=str(stored.id), name=stored.name, is_default=stored.is_default
    )
