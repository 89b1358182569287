"""The data of an embedded PostgreSQL: whose it is, and how it is made at the first start."""

from outbound_sms.postgres.binaries import Binaries
from outbound_sms.postgres.folder import DataFolder
from outbound_sms.postgres.identity import Identity, identities
from outbound_sms.postgres.process import PostgresNotStarted, run

SUPERUSER = "postgres"


def choose_identity(folder: DataFolder, binaries: Binaries) -> Identity:
    """The first identity that reaches both the programs and the data; the folder is given to it.

    Raises `PostgresNotStarted` when there is none.
    """
    refusals = []
    for identity in identities(folder.cluster):
        folder.give_to(identity)
        refusal = identity.refusal(folder.path, binaries.postgres)
        if refusal is None:
            return identity
        refusals.append(f"{identity.way}: {refusal}")
    raise PostgresNotStarted(
        f"PostgreSQL cannot be run as any user that it accepts ({'; '.join(refusals)}). Start this "
        f"program as a normal user, or move {binaries.folder} and {folder.path} below folders that "
        "every user may enter, or set DATABASE_URL."
    )


async def initialise(
    folder: DataFolder, binaries: Binaries, identity: Identity, seconds: float
) -> None:
    """Makes the cluster within `seconds`, unless it is there.

    Raises `PostgresNotStarted` for one that another major version made.
    """
    marker = folder.cluster / "PG_VERSION"
    if marker.exists():
        version = marker.read_text(encoding="ascii").strip()
        if version != str(binaries.version):
            raise PostgresNotStarted(
                f"{folder.path} was made by PostgreSQL {version}, and the one installed is "
                f"{binaries.version}. Install {version}, or move the data with pg_dump, or choose "
                "another folder."
            )
        return
    folder.password(identity)
    new = folder.new_cluster(identity)
    options = [
        *("-D", str(new), "-U", SUPERUSER, "-E", "UTF8", "--data-checksums"),
        *("--auth-local=trust", "--auth-host=scram-sha-256"),
        f"--pwfile={folder.path / 'password'}",
        *_locale_options(binaries.version),
    ]
    await run(folder, identity, seconds, binaries.initdb, *options)
    folder.keep_cluster(new)


def _locale_options(version: int) -> list[str]:
    """Text sorts by code point and changes case by Unicode's rules, the same on every system."""
    if version >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8", "--lc-messages=C"]
