"""`outbound-sms admin`: who there is and who may do what."""

import click

from outbound_sms.cli.admin.balance import adjust_balance
from outbound_sms.cli.admin.feed import feed
from outbound_sms.cli.admin.import_suppressions import import_suppressions
from outbound_sms.cli.admin.instances import instances
from outbound_sms.cli.admin.keys import keys
from outbound_sms.cli.admin.ledger import check_ledger
from outbound_sms.cli.admin.limits import limits
from outbound_sms.cli.admin.on_database import (
    create_api_key,
    create_instance,
    create_operator_key,
)
from outbound_sms.cli.admin.opt_out_scope import opt_out_scope
from outbound_sms.cli.admin.permissions import permissions
from outbound_sms.cli.admin.prices import prices
from outbound_sms.cli.admin.roles import roles
from outbound_sms.cli.admin.seal import make_sealing_key, seal_secret


@click.group()
def admin() -> None:
    """Administers instances, roles and API keys.

    The commands that create something by themselves, `feed`, `check-ledger`,
    `import-suppressions` and `opt-out-scope` work on the database and need no API key.
    `instances`, `prices`, `adjust-balance` and `limits` call the server with a key of the platform
    operator; `roles`, `keys` and `permissions` with an administrator's. `make-sealing-key` and
    `seal` work on files.
    """


for _command in (
    create_instance,
    create_api_key,
    create_operator_key,
    instances,
    prices,
    adjust_balance,
    limits,
    roles,
    keys,
    permissions,
    feed,
    check_ledger,
    import_suppressions,
    opt_out_scope,
    make_sealing_key,
    seal_secret,
):
    admin.add_command(_command)
