"""What a request may say about whom it means."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.audience import LONGEST_FILTER, Audience, parse_audience, read_audience
from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.language import Language

SITE = UUID("01900000-0000-7000-8000-000000000001")
OTHER_SITE = UUID("01900000-0000-7000-8000-000000000002")


def read(filters: Mapping[str, Sequence[str]] | None = None, **given: Any) -> Audience:
    violations = Violations()
    found = read_audience(
        violations,
        "audience",
        **{
            "all_accounts": False,
            "filters": filters or {},
            "languages": (),
            "delinquent": None,
            **given,
        },
    )
    violations.raise_if_any()
    return found


def refused_fields(filters: Mapping[str, Sequence[str]] | None = None, **given: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        read(filters, **given)
    return [violation.field for violation in caught.value.violations]


def test_nothing_set_is_refused_and_never_means_everybody() -> None:
    assert refused_fields() == ["audience"]


def test_all_accounts_stands_alone() -> None:
    assert read(all_accounts=True).to_json() == '{"all_accounts": true}'
    assert refused_fields({"services": ["Fiber"]}, all_accounts=True) == ["audience.all_accounts"]
    assert refused_fields(all_accounts=True, delinquent=False) == ["audience.all_accounts"]


def test_a_delinquent_flag_alone_is_a_filter_whichever_way_it_points() -> None:
    assert read(delinquent=False).to_json() == '{"delinquent": false}'
    assert read(delinquent=True).to_json() == '{"delinquent": true}'


def test_equal_audiences_have_equal_texts_whatever_the_order_and_the_case() -> None:
    one = read({"network_site_ids": [str(SITE), str(OTHER_SITE)], "services": ["B", "A", "B"]})
    other = read({"services": ["A", "B"], "network_site_ids": [str(OTHER_SITE), str(SITE).upper()]})
    assert one.to_json() == other.to_json()


def test_the_canonical_text_reads_back_as_the_same_audience() -> None:
    audience = read(
        {"account_groups": ["Wi-Fi %s {0}", "Été"], "company_ids": [str(uuid4())]},
        languages=[Language.FR, Language.EN, Language.FR],
        delinquent=False,
    )
    assert parse_audience(audience.to_json()) == audience


def test_every_bad_value_of_every_filter_is_named_at_once() -> None:
    assert refused_fields(
        {
            "account_ids": ["nonsense", str(SITE), "{" + str(SITE)[:34] + "}"],
            "services": ["Fiber", "a\0b", "x" * 201],
            "network_site_ids": [str(SITE)] * (LONGEST_FILTER + 1),
        }
    ) == [
        "audience.account_ids[0]",
        "audience.account_ids[2]",
        "audience.network_site_ids",
        "audience.services[1]",
        "audience.services[2]",
    ]


def test_ten_thousand_values_are_allowed() -> None:
    assert (
        len(read({"services": [str(n) for n in range(LONGEST_FILTER)]}).texts["services"]) == 10_000
    )
