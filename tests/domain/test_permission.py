"""Whose role may hold which permission."""

import pytest

from outbound_sms.domain.permission import (
    LABELS,
    PLATFORM_PERMISSIONS,
    SMS_PERMISSIONS,
    held_permissions,
    listed_permissions,
)

EVERY = frozenset(LABELS)


def test_the_sms_permissions_are_those_that_people_are_shown_under_sms() -> None:
    assert len(SMS_PERMISSIONS) == 10
    assert "READ_SMS_OUTBOUND_MESSAGE" in SMS_PERMISSIONS
    assert not SMS_PERMISSIONS & {"MANAGE_ACCESS", "READ_CONTACT", "CREATE_MESSAGE_CATEGORY"}


@pytest.mark.parametrize(
    ("country", "platform", "hidden"),
    [
        ("US", False, PLATFORM_PERMISSIONS),
        ("CA", False, PLATFORM_PERMISSIONS),
        ("GB", False, PLATFORM_PERMISSIONS | SMS_PERMISSIONS),
        ("US", True, frozenset[str]()),
        ("GB", True, SMS_PERMISSIONS),
    ],
)
def test_what_a_role_may_be_given_depends_on_its_instance(
    country: str, platform: bool, hidden: frozenset[str]
) -> None:
    listed = listed_permissions(country, platform)
    assert set(listed) == EVERY - hidden
    assert list(listed) == [name for name in LABELS if name in listed]


def test_a_super_admin_has_everything_but_what_is_the_platforms() -> None:
    held = held_permissions(frozenset(), super_admin=True, platform_operator=False)
    assert held == EVERY - {"MANAGE_INSTANCES"}
    assert held_permissions(set(), super_admin=True, platform_operator=True) == EVERY


def test_a_role_has_what_it_was_given_but_for_what_is_the_platforms() -> None:
    given = {"MANAGE_INSTANCES", "READ_CONTACT"}
    held = held_permissions(given, super_admin=False, platform_operator=False)
    assert held == {"READ_CONTACT"}
    assert held_permissions(given, super_admin=False, platform_operator=True) == given
