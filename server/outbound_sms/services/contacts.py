"""The people of accounts, network sites and vendors: the Contacts service."""

from outbound_sms.services.contacts_consent import ConsentMethods
from outbound_sms.services.contacts_numbers import NumberMethods
from outbound_sms.services.contacts_people import PeopleMethods
from outbound_sms.services.contacts_replies import ReplyMethods
from outbound_sms.services.contacts_types import TypeMethods
from outboundsms.v1 import contacts_pb2_grpc


class Contacts(
    PeopleMethods,
    NumberMethods,
    TypeMethods,
    ConsentMethods,
    ReplyMethods,
    contacts_pb2_grpc.ContactsServicer,
):
    """Serves `outboundsms.v1.Contacts`; the methods are in the modules named `contacts_...`."""
