"""Finding things by the names that people type."""

from collections.abc import Iterable
from uuid import UUID

from outbound_sms.domain.contact import name_key


class NameIndex:
    """Ids by name. An exact name wins, then the oldest that differs in case or spacing only."""

    def __init__(self, named: Iterable[tuple[str, UUID]]) -> None:
        """`named` in order of age, oldest first."""
        self._exact: dict[str, UUID] = {}
        self._alike: dict[str, UUID] = {}
        for name, id_ in named:
            self.add(name, id_)

    def add(self, name: str, id_: UUID) -> None:
        self._exact[name] = id_
        self._alike.setdefault(name_key(name), id_)

    def find(self, name: str) -> UUID | None:
        return self._exact.get(name) or self._alike.get(name_key(name))

    def only(self) -> UUID | None:
        """The id when there is exactly one name."""
        return next(iter(self._exact.values())) if len(self._exact) == 1 else None
