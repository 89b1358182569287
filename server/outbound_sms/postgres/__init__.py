"""PostgreSQL as a child process, for whoever has no server of their own."""

from outbound_sms.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
