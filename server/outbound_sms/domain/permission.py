"""The permissions that a role may hold, what they are called, and whose role may hold which."""

from collections.abc import Set

from outbound_sms.domain.sms_availability import SMS_COUNTRIES

LABELS: dict[str, str] = {
    "CREATE_SMS_MESSAGE": "Create a new SMS message",
    "READ_SMS_MESSAGE": "View SMS messages",
    "UPDATE_SMS_MESSAGE": "Update an SMS message",
    "DELETE_SMS_MESSAGE": "Delete an SMS message",
    "READ_SMS_OUTBOUND_MESSAGE": "View an SMS outbound message",
    "UPDATE_SMS_SETTINGS": "Update the SMS settings",
    "CREATE_COMPANY": "Create a company or a department",
    "UPDATE_COMPANY": "Update a company and its departments",
    "DELETE_DEPARTMENT": "Delete a department",
    "READ_DIRECTORY": "View companies, departments, accounts and network sites",
    "UPDATE_ACCOUNT": "Update accounts, network sites and vendors",
    "READ_CONTACT": "View contacts",
    "CREATE_CONTACT": "Create a contact",
    "UPDATE_CONTACT": "Update a contact",
    "DELETE_CONTACT": "Delete a contact",
    "CREATE_PHONE_NUMBER_TYPE": "Create a phone number type",
    "READ_PHONE_NUMBER_TYPE": "View phone number types",
    "UPDATE_PHONE_NUMBER_TYPE": "Update a phone number type",
    "DELETE_PHONE_NUMBER_TYPE": "Delete a phone number type",
    "CREATE_MESSAGE_CATEGORY": "Create a message category",
    "READ_MESSAGE_CATEGORY": "View message categories",
    "MANAGE_ACCESS": "Manage roles and API keys",
    "CREATE_TRIGGERED_SMS_MESSAGE": "Create a new triggered SMS message",
    "READ_TRIGGERED_SMS_MESSAGE": "View triggered SMS messages",
    "UPDATE_TRIGGERED_SMS_MESSAGE": "Update a triggered SMS message",
    "DELETE_TRIGGERED_SMS_MESSAGE": "Delete a triggered SMS message",
    "MANAGE_INSTANCES": "Manage the instances of the service",
    "READ_BILLING": "View the SMS balance",
    "MANAGE_BILLING": "Manage SMS billing",
}

PLATFORM_PERMISSIONS = frozenset({"MANAGE_INSTANCES"})
"""What only roles of the platform operator's own instance hold."""

SMS_PERMISSIONS = frozenset(name for name in LABELS if "SMS" in name.split("_"))
"""What roles are not offered outside the US and Canada (the product article's "Permissions")."""

_EVERY = frozenset(LABELS)


def listed_permissions(country: str, platform: bool) -> tuple[str, ...]:
    """What the roles of an instance may be given, in the order in which people are shown it.

    A role keeps what it was given before its instance's country changed. What it may then still
    call, and a super-admin may call anyway, is refused where it would send: sending is off there.
    """
    hidden = frozenset() if platform else PLATFORM_PERMISSIONS
    if country not in SMS_COUNTRIES:
        hidden |= SMS_PERMISSIONS
    return tuple(name for name in LABELS if name not in hidden)


def held_permissions(
    permissions: Set[str], *, super_admin: bool, platform_operator: bool
) -> frozenset[str]:
    """What a role may do: what it was given, or everything for a super-admin's.

    Whatever is stored, the platform's permissions need a role of the platform operator's instance.
    """
    held = _EVERY if super_admin else frozenset(permissions)
    return held if platform_operator else held - PLATFORM_PERMISSIONS
