"""Instances: the tenants of the service, and the platform operator's own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from outbound_sms.domain.language import Language
from outbound_sms.domain.sms_availability import sms_available

LONGEST_NAME = 100


class DataCenter(StrEnum):
    """Where an instance is hosted."""

    US = "US"
    CANADA = "CANADA"


@dataclass(frozen=True, slots=True)
class InstanceValues:
    """What the platform operator decides about an instance, checked.

    `country` is ISO 3166, `currency` ISO 4217, `time_zone` an IANA name.
    """

    name: str
    country: str
    currency: str
    time_zone: str
    default_language: Language = Language.EN
    data_center: DataCenter = DataCenter.US

    @property
    def sms_available(self) -> bool:
        """Whether a tenant like this can send at all."""
        return sms_available(self.country, self.data_center, platform=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """A tenant. `platform`: the operator's own, whose keys manage the others and which cannot send.

    `version` is its etag; its own administrators raise it too, through the SMS settings.
    """

    id: UUID
    values: InstanceValues
    sms_enabled: bool
    platform: bool
    version: int
    create_time: datetime
