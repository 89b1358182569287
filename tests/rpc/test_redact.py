"""Messages as they may be logged."""

from outbound_sms.rpc.redact import HIDDEN, redacted
from outboundsms.v1.access_pb2 import ApiKey, CreateApiKeyResponse
from outboundsms.v1.contacts_pb2 import Contact, PhoneNumber


def test_marked_fields_are_hidden_at_any_depth() -> None:
    numbers = [PhoneNumber(number=f"+121255501{n:02}", country="US") for n in range(12)]
    contact = Contact(name="Ann Example", role="Owner", phone_numbers=numbers)
    shown = redacted(contact)
    assert (shown["name"], shown["role"]) == (HIDDEN, "Owner")
    listed = shown["phone_numbers"]
    assert isinstance(listed, list)
    assert (len(listed), listed[0]) == (10, {"number": HIDDEN, "country": "US"})
    made = CreateApiKeyResponse(api_key=ApiKey(name="Backend"), secret="sms_live_x")
    assert redacted(made) == {"api_key": {"name": "Backend"}, "secret": HIDDEN}
