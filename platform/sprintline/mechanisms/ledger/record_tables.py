"""Tables of the records database as this code reads and writes them, and whether a database is of their version.

How a database comes to be of this version stands in `migrations/`; Alembic is asked only when one has to be made or
changed, for opening one is on everybody's way.
"""

from __future__ import annotations

import sqlalchemy as sa

from sprintline.base.databases import place_of

#: Version of the schema this code reads and writes: the number of the newest revision in `migrations/versions/`.
SCHEMA_VERSION = 3

METADATA = sa.MetaData()

SCHEMA = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True))

VERDICTS = sa.Table(
    "verdicts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("scope_key", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("observed", sa.Text, nullable=False),
    sa.Column("threshold", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("data_version", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("scope_kind", sa.Text, nullable=False, server_default="sprint"),
    sa.Index("verdicts_place", "product", "scope_kind", "scope_key", "code", "asset", "subject", "id"),
    sqlite_autoincrement=True,
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("sprint", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("key", sa.Text, nullable=True),
    sa.Column("as_of", sa.Text, nullable=True),
    sa.Column("signature", sa.Text, nullable=True),
    sa.UniqueConstraint("kind", "product", "sprint", "key", name="ledger_key"),
    sa.Index("ledger_place", "product", "kind", "sprint", "seq"),
)

MEASUREMENTS = sa.Table(
    "measurements",
    METADATA,
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("scope_kind", sa.Text, nullable=False),
    sa.Column("scope_key", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("data_version", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("product", "scope_kind", "scope_key", "asset", name="measurements_place"),
)

SEALS = sa.Table(
    "seals",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("scope_kind", sa.Text, nullable=False),
    sa.Column("scope_key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("of", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("signature", sa.Text, nullable=True),
    sa.Index("seals_place", "product", "scope_kind", "scope_key", "kind", "of", "seq"),
)


def refusal(engine: sa.Engine, found: int | None) -> str:
    """What is wrong with a database of this schema version, and what to do."""
    newer = found is not None and found > SCHEMA_VERSION
    fix = "use the Sprintline that wrote it, or a newer one" if newer else "run `sprintline migrate`"
    return f"records database {place_of(engine)} has schema {found}, this Sprintline needs {SCHEMA_VERSION}: {fix}"


def version_of(connection: sa.Connection) -> int | None:
    """Schema version of a database; None for one that holds no records yet."""
    if not sa.inspect(connection).has_table(SCHEMA.name):
        return None
    version = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar()
    return None if version is None else int(version)
