"""Network sites and vendors, which are names."""

from functools import partial
from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.list_fields import read_labels
from outbound_sms.services.paging import read_page
from outbound_sms.store import network_sites, vendors
from outbound_sms.store.network_sites import NetworkSite
from outbound_sms.store.pool import Connection, Pool
from outbound_sms.store.vendors import Vendor
from outboundsms.v1 import directory_pb2 as pb

MOST_NAMES = 1_000
LONGEST_NAME = 200


class NameMethods:
    """The part of `outboundsms.v1.Directory` about network sites and vendors."""

    _pool: Pool
    _pages: Pages
    _once: Once

    async def UpsertNetworkSites(
        self, request: pb.UpsertNetworkSitesRequest, context: Any
    ) -> pb.UpsertNetworkSitesResponse:
        names = _read_names(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpsertNetworkSitesResponse:
            found = await network_sites.upsert_network_sites(db, instance_id, names)
            return pb.UpsertNetworkSitesResponse(network_sites=map(_show_site, found))

        return await self._once.run(request, pb.UpsertNetworkSitesResponse, work)

    async def ListNetworkSites(
        self, request: pb.ListNetworkSitesRequest, context: Any
    ) -> pb.ListNetworkSitesResponse:
        fetch = partial(network_sites.list_network_sites, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListNetworkSitesResponse(
            network_sites=map(_show_site, found), next_page_token=token
        )

    async def UpsertVendors(
        self, request: pb.UpsertVendorsRequest, context: Any
    ) -> pb.UpsertVendorsResponse:
        names = _read_names(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpsertVendorsResponse:
            found = await vendors.upsert_vendors(db, instance_id, names)
            return pb.UpsertVendorsResponse(vendors=map(_show_vendor, found))

        return await self._once.run(request, pb.UpsertVendorsResponse, work)

    async def ListVendors(
        self, request: pb.ListVendorsRequest, context: Any
    ) -> pb.ListVendorsResponse:
        fetch = partial(vendors.list_vendors, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListVendorsResponse(vendors=map(_show_vendor, found), next_page_token=token)


def _read_names(request: pb.UpsertNetworkSitesRequest | pb.UpsertVendorsRequest) -> list[str]:
    violations = Violations()
    names = read_labels(violations, "names", request.names, MOST_NAMES, LONGEST_NAME, fewest=1)
    violations.raise_if_any()
    return list(names)


def _show_site(site: NetworkSite) -> pb.NetworkSite:
    return pb.NetworkSite(network_site_id=str(site.id), name=site.name, accounts=site.accounts)


def _show_vendor(vendor: Vendor) -> pb.Vendor:
    return pb.Vendor(vendor_id=str(vendor.id), name=vendor.name)
