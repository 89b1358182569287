"""Who may do what in an instance: the Access service."""

from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.access_keys import KeyMethods
from outbound_sms.services.access_roles import RoleMethods
from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2_grpc


class Access(RoleMethods, KeyMethods, access_pb2_grpc.AccessServicer):
    """Serves `outboundsms.v1.Access`; the methods are in the modules named `access_...`."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once
