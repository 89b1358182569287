"""What the contract's methods must have in common in whom they let in."""

from tests.services.every_method import METHODS, PERMISSIONS, needed, short_name

# Nouns whose things are seen with another noun's permission.
VIEWED_AS = {"COMPANY": "DIRECTORY", "DEPARTMENT": "DIRECTORY", "ACCOUNT": "DIRECTORY"}
# Nouns that every caller may see.
EVERYBODYS = {"SMS_SETTINGS": "GetSmsSettings"}
# Methods that change things without showing any that were there before: what a billing system's
# import job calls, which need not see what others have written.
WRITES_WITHOUT_LOOKING = {
    ("Directory.UpsertAccounts", "UPDATE_ACCOUNT"),
    ("Directory.UpsertNetworkSites", "UPDATE_ACCOUNT"),
    ("Directory.UpsertVendors", "UPDATE_ACCOUNT"),
    ("Directory.Import", "UPDATE_ACCOUNT"),
    ("Directory.Import", "UPDATE_CONTACT"),
}
# What makes texts, by the product article's rule: Create and View together.
SENDS = {
    "MassMessages.CreateMassMessage",
    "Triggers.FireTrigger",
    "Triggers.FireTriggers",
    "Delivery.RequeueMessages",
}
# A closing of texts is created by whoever may create texts; nothing is sent by it.
CREATES_WITHOUT_SENDING = {"Signatures.CreateSignature"}


def test_who_may_not_view_may_neither_update_nor_delete() -> None:
    excused, wrong = set(), []
    for method in METHODS:
        permissions = needed(method)
        for permission in permissions:
            verb, _, noun = permission.partition("_")
            if verb not in ("UPDATE", "DELETE") or noun in EVERYBODYS:
                continue
            view = f"READ_{VIEWED_AS.get(noun, noun)}"
            assert view in PERMISSIONS, f"{permission} has no {view}: say how its things are viewed"
            if view in permissions:
                continue
            if (short_name(method), permission) in WRITES_WITHOUT_LOOKING:
                excused.add((short_name(method), permission))
            else:
                wrong.append(f"{short_name(method)} needs {permission} without {view}")
    assert wrong == []
    assert excused == WRITES_WITHOUT_LOOKING, "some need no excuse any more"


def test_what_is_said_to_be_seen_by_everybody_is() -> None:
    open_methods = {method.name for method in METHODS if not needed(method)}
    assert set(EVERYBODYS.values()) <= open_methods
    assert all(f"READ_{noun}" not in PERMISSIONS for noun in EVERYBODYS)


def test_sending_needs_create_and_view() -> None:
    both = {"CREATE_SMS_MESSAGE", "READ_SMS_MESSAGE"}
    creating = {short_name(method) for method in METHODS if "CREATE_SMS_MESSAGE" in needed(method)}
    assert creating >= SENDS | CREATES_WITHOUT_SENDING
    for method in METHODS:
        if short_name(method) in creating - CREATES_WITHOUT_SENDING:
            assert both <= needed(method), short_name(method)
