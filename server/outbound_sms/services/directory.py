"""Whom an instance serves and from where: the Directory service."""

import asyncio

from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.directory_accounts import AccountMethods
from outbound_sms.services.directory_companies import CompanyMethods
from outbound_sms.services.directory_import import MOST_AT_ONCE, ImportMethod
from outbound_sms.services.directory_names import NameMethods
from outbound_sms.store.pool import Pool
from outboundsms.v1 import directory_pb2_grpc


class Directory(
    CompanyMethods,
    AccountMethods,
    NameMethods,
    ImportMethod,
    directory_pb2_grpc.DirectoryServicer,
):
    """Serves `outboundsms.v1.Directory`; the methods are in the modules named `directory_...`."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        super().__init__(pool, pages, once)
        self._importing = asyncio.Semaphore(MOST_AT_ONCE)
