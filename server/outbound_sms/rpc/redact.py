"""Messages as they may be logged: fields that the contract marks `debug_redact` are hidden."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

HIDDEN = "[hidden]"
_MOST_ELEMENTS = 10


def redacted(value: Message) -> dict[str, object]:
    """A message as plain values without what is personal or secret; of lists only the beginning."""
    return {field.name: _shown(field, content) for field, content in value.ListFields()}


def _shown(field: FieldDescriptor, content: Any) -> object:
    if field.GetOptions().debug_redact:
        return HIDDEN
    if field.is_repeated:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return f"{len(content)} entries"
        return [_one(each) for each in content[:_MOST_ELEMENTS]]
    return _one(content)


def _one(content: Any) -> object:
    if isinstance(content, Message):
        return redacted(content)
    return content if isinstance(content, bool | int | float | str) else f"{len(content)} bytes"
