"""Rules of the contract that its linter does not know."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)

from outbound_sms.domain.errors import Reason
from outbound_sms.domain.permission import LABELS
from outboundsms.v1 import error_reason_pb2, permission_pb2

PROTOS = Path(__file__).parents[2] / "protos" / "outboundsms" / "v1"
FILES: list[FileDescriptor] = [
    import_module(f"outboundsms.v1.{path.stem}_pb2").DESCRIPTOR for path in PROTOS.glob("*.proto")
]
# Their answers hold a secret, which is not kept to be given again.
WITHOUT_REQUEST_ID = {"CreateApiKey", "CreateInstanceApiKey"}
# Its type and extension are all that can be changed, and neither depends on what was there.
WITHOUT_ETAG = {"UpdatePhoneNumber"}
PERSONAL = {"secret", "phone_number", "number", "email_address", "evidence", "recipient_name"}
# Numbers and addresses on which the caller's own company answers.
OUR_OWN = {"CompanyDepartment", "SendingNumber"}


def methods() -> Iterator[MethodDescriptor]:
    for file in FILES:
        for service in file.services_by_name.values():
            yield from service.methods


def messages() -> Iterator[Descriptor]:
    waiting = [message for file in FILES for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        yield message
        waiting.extend(message.nested_types)


def enums() -> Iterator[EnumDescriptor]:
    for file in FILES:
        yield from file.enum_types_by_name.values()
    for message in messages():
        yield from message.enum_types


def test_there_is_a_contract() -> None:
    assert len(FILES) >= 11
    assert len(list(methods())) >= 40


def test_zero_of_every_enum_means_unspecified() -> None:
    for enum in enums():
        assert enum.values_by_number[0].name.endswith("_UNSPECIFIED"), enum.full_name


def test_every_list_has_pages() -> None:
    lists = [method for method in methods() if method.name.startswith("List")]
    short = {
        "ListPermissions",
        "ListSavedMessages",
        "ListSignatureTemplates",
        "ListTriggerTypes",
    }
    assert lists
    for method in lists:
        asked, answered = method.input_type.fields_by_name, method.output_type.fields_by_name
        if method.name in short:
            assert "page_token" not in asked, f"{method.name} has pages: take it off the list"
            continue
        assert asked["page_size"].type == FieldDescriptor.TYPE_INT32, method.full_name
        assert asked["page_token"].type == FieldDescriptor.TYPE_STRING, method.full_name
        assert answered["next_page_token"].type == FieldDescriptor.TYPE_STRING, method.full_name


def test_every_creation_can_be_repeated() -> None:
    for method in methods():
        if method.name.startswith("Create") and method.name not in WITHOUT_REQUEST_ID:
            assert "request_id" in method.input_type.fields_by_name, method.full_name


def test_every_update_has_a_mask_and_an_etag() -> None:
    for method in methods():
        if not method.name.startswith("Update"):
            continue
        fields = method.input_type.fields_by_name
        mask = fields["update_mask"].message_type
        assert mask is not None
        assert mask.full_name == "google.protobuf.FieldMask"
        resources = [f.message_type for f in fields.values() if f.message_type is not None]
        has_etag = "etag" in fields or any("etag" in r.fields_by_name for r in resources)
        assert has_etag or method.name in WITHOUT_ETAG, method.full_name


def test_every_method_has_its_own_request_and_response() -> None:
    for method in methods():
        assert method.input_type.name == f"{method.name}Request"
        assert method.output_type.name == f"{method.name}Response"


def test_every_method_declares_who_may_call_it() -> None:
    for method in methods():
        declared = method.GetOptions().Extensions[permission_pb2.required_permissions]
        assert declared, method.full_name
        assert permission_pb2.PERMISSION_UNSPECIFIED not in declared, method.full_name


def test_every_time_is_named_so() -> None:
    for message in messages():
        for field in message.fields:
            kind = field.message_type
            if kind is not None and kind.full_name == "google.protobuf.Timestamp":
                good = field.name.endswith(("_time", "_until", "_after", "_before"))
                assert good, f"{message.full_name}.{field.name}"


def test_the_reasons_are_those_of_the_domain() -> None:
    reasons = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    names = {name.removeprefix("ERROR_REASON_") for name in reasons}
    assert names - {"UNSPECIFIED"} == {reason.value for reason in Reason}
    assert all(reason.name == reason.value for reason in Reason)


def test_the_permissions_are_those_of_the_domain() -> None:
    permissions = permission_pb2.Permission.DESCRIPTOR.values_by_name
    names = {name.removeprefix("PERMISSION_") for name in permissions}
    assert names - {"UNSPECIFIED", "ANY_CALLER"} == LABELS.keys()


def test_what_is_personal_or_secret_is_marked() -> None:
    for message in messages():
        for field in message.fields:
            text = field.type == FieldDescriptor.TYPE_STRING
            if text and field.name in PERSONAL and message.name not in OUR_OWN:
                assert field.GetOptions().debug_redact, f"{message.full_name}.{field.name}"
