"""Audiences: which accounts a mass message is meant for, as a value with one canonical form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.language import Language

ID_FILTERS = ("account_ids", "company_ids", "network_site_ids", "message_category_ids")
TEXT_FILTERS = (
    "account_statuses",
    "account_types",
    "account_groups",
    "services",
    "inventory_items",
    "subnets",
    "ip_pools",
)
LONGEST_FILTER = 10_000
LONGEST_TEXT = 200
_UUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Audience:
    """Filters that must all match; within one, any of its values is enough.

    `ids` and `texts` hold the filters that are set, by name, each sorted and without repeats.
    `languages` are those in which a contact would be texted. `delinquent` None stands for either.
    With `all_accounts` nothing else is set.
    """

    all_accounts: bool
    ids: Mapping[str, tuple[UUID, ...]]
    texts: Mapping[str, tuple[str, ...]]
    languages: tuple[Language, ...]
    delinquent: bool | None

    def to_json(self) -> str:
        """The canonical form: equal audiences have equal texts, filters not set are absent."""
        found: dict[str, object] = {
            name: [str(each) for each in ids] for name, ids in self.ids.items()
        }
        found |= {name: list(texts) for name, texts in self.texts.items()}
        if self.all_accounts:
            found["all_accounts"] = True
        if self.languages:
            found["languages"] = [language.value for language in self.languages]
        if self.delinquent is not None:
            found["delinquent"] = self.delinquent
        return json.dumps(found, ensure_ascii=False, sort_keys=True)


def parse_audience(text: str) -> Audience:
    """The audience of a canonical text, as `to_json` wrote it."""
    found = json.loads(text)
    return Audience(
        all_accounts=found.get("all_accounts", False),
        ids={name: tuple(map(UUID, found[name])) for name in ID_FILTERS if name in found},
        texts={name: tuple(found[name]) for name in TEXT_FILTERS if name in found},
        languages=tuple(map(Language, found.get("languages", ()))),
        delinquent=found.get("delinquent"),
    )


def read_audience(
    violations: Violations,
    field: str,
    *,
    all_accounts: bool,
    filters: Mapping[str, Sequence[str]],
    languages: Sequence[Language],
    delinquent: bool | None,
) -> Audience:
    """The audience that a request describes; `filters` are those of ids and of texts, by name.

    `field` is the path of the audience. Adds a violation for each filter that is too long or holds
    something that cannot be meant, and when nothing at all is set, which never means everybody.
    """
    ids = {
        name: _read_ids(violations, f"{field}.{name}", filters[name])
        for name in ID_FILTERS
        if filters.get(name)
    }
    texts = {
        name: _read_texts(violations, f"{field}.{name}", filters[name])
        for name in TEXT_FILTERS
        if filters.get(name)
    }
    filtered = bool(ids or texts or languages) or delinquent is not None
    if all_accounts and filtered:
        violations.add(f"{field}.all_accounts", "is set beside a filter; clear it, or the filters")
    if not all_accounts and not filtered:
        violations.add(field, "is empty; set a filter, or all_accounts to text every account")
    return Audience(all_accounts, ids, texts, tuple(sorted(set(languages))), delinquent)


def _read_ids(violations: Violations, field: str, values: Sequence[str]) -> tuple[UUID, ...]:
    if not _check_length(violations, field, values):
        return ()
    found = set()
    for index, value in enumerate(values):
        parsed = _parse_id(value)
        if parsed is None:
            violations.add(
                f"{field}[{index}]", "is not an id; give a UUID as the service returned it"
            )
        else:
            found.add(parsed)
    return tuple(sorted(found))


def _read_texts(violations: Violations, field: str, values: Sequence[str]) -> tuple[str, ...]:
    if not _check_length(violations, field, values):
        return ()
    for index, value in enumerate(values):
        if "\0" in value:
            violations.add(f"{field}[{index}]", "holds a null character; leave it out")
        elif len(value) > LONGEST_TEXT:
            violations.add(
                f"{field}[{index}]", f"is longer than {LONGEST_TEXT} characters; shorten it"
            )
    return tuple(sorted(set(values)))


def _check_length(violations: Violations, field: str, values: Sequence[str]) -> bool:
    if len(values) <= LONGEST_FILTER:
        return True
    violations.add(
        field, f"has {len(values)} values; give {LONGEST_FILTER} at most, or send several messages"
    )
    return False


def _parse_id(value: str) -> UUID | None:
    try:
        # UUID() alone also reads braces, "urn:uuid:" and missing hyphens.
        return UUID(value) if len(value) == _UUID_LENGTH else None
    except ValueError:
        return None
