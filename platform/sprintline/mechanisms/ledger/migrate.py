"""Bringing a records database to this code's schema, with Alembic; the steps stand in `migrations/versions/`.

The version that everybody reads on opening is the row of `schema_version`, as it was before there were migrations: any
Sprintline from the first on can tell a database that is too new for it. Alembic keeps its own note beside it, and both
are written in the transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sprintline.base.databases import RecordsError, make_schema, place_of, why, writing
from sprintline.mechanisms.ledger.record_tables import SCHEMA, SCHEMA_VERSION, refusal, version_of

FOLDER = Path(__file__).with_name("migrations")

#: Alembic's note of the revision; its usual name is taken where MLflow or Dagster share the schema.
VERSION_TABLE = "sprintline_alembic_version"


def migrate(engine: sa.Engine, *, to: int = SCHEMA_VERSION, more: Sequence[Path] = ()) -> int:
    """Bring the schema to a version, in one transaction; of several that are called at once one does it.

    Args:
        to: the version wanted, this code's by default.
        more: further folders with revisions.

    Returns:
        The version it had before, 0 for an empty database.

    Raises:
        RecordsError: the database is of a newer version, or cannot be written.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            make_schema(connection)
        found = version_of(connection) or 0
        if found > to:
            raise RecordsError(refusal(engine, found))
        if found < to or not sa.inspect(connection).has_table(VERSION_TABLE):
            _upgrade(connection, found, to, more)
    return found


def _upgrade(connection: sa.Connection, found: int, to: int, more: Sequence[Path]) -> None:
    from alembic import command

    config = configuration(connection, more)
    if found and not sa.inspect(connection).has_table(VERSION_TABLE):
        command.stamp(config, revision(found))  # made before Alembic kept note
    command.upgrade(config, revision(to))


def configuration(connection: sa.Connection, more: Sequence[Path] = ()) -> Any:
    """Alembic's configuration for a connection, without a file."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "remember": remember})
    config.set_main_option("script_location", _escaped(FOLDER))
    config.set_main_option("path_separator", "newline")
    folders = [FOLDER / "versions", *more]
    config.set_main_option("version_locations", "\n".join(map(_escaped, folders)))
    return config


def revision(version: int) -> str:
    """Alembic's name of a schema version."""
    return f"{version:04d}"


def remember(connection: sa.Connection, name: str | None) -> None:
    """Write the version that everybody reads."""
    connection.execute(sa.delete(SCHEMA))
    if name is not None:
        connection.execute(sa.insert(SCHEMA), {"version": int(name)})


def _escaped(folder: Path) -> str:
    return str(folder).replace("%", "%%")


def create_or_check(engine: sa.Engine) -> None:
    """Make the tables of an empty database; of one that has them, check the version.

    Raises:
        RecordsError: the version is another, or the database cannot be opened.
    """
    found = _opened(engine)
    if found is None:
        migrate(engine)  # asks again when it is alone: whoever was first may have made them
        found = _opened(engine)
    if found != SCHEMA_VERSION:
        raise RecordsError(refusal(engine, found))


def _opened(engine: sa.Engine) -> int | None:
    try:
        with engine.connect() as connection:
            return version_of(connection)
    except DBAPIError as error:
        raise RecordsError(
            f"records database {place_of(engine)} cannot be opened ({why(error)}): start the server or fix the URL; "
            "a file that is damaged comes back from a backup (`sprintline restore`)"
        ) from error
