"""A state folder at another place than where it was written: what keeps absolute paths, and how they follow.

Only MLflow does: artefact places in its database and a line in each `MLmodel`. A Delta log names its data relative to
the table, and the place in its first commit is a note no one reads; Feast's registry is written again when its place
has changed (`FeatureStore.apply`); dbt's manifest is not kept at all; Dagster stores what it needs relative to its
home.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sprintline.base.databases import RecordsError, why

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def relocate_models(folder: Path, url: str, now: Path) -> int:
    """Let MLflow find its artefacts below `now`, wherever they were before; returns how many places were written again.

    Args:
        folder: the folder of models as it lies on the disk at this moment.
        url: MLflow's database.
        now: the folder of models as it will be called.

    Raises:
        RecordsError: MLflow's database cannot be written.
    """
    new = f"{now.as_uri()}/"
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            places = _before(connection) - {new}
            changed = sum(_rewrite(connection, old, new) for old in places)
    except DBAPIError as error:
        raise RecordsError(f"MLflow's database cannot be written: {why(error)}") from error
    finally:
        engine.dispose()
    for file in folder.glob("artifacts/**/MLmodel"):
        text = written = file.read_text(encoding="utf-8")
        for old in places:
            text = text.replace(old, new)
        if text != written:
            file.write_text(text, encoding="utf-8")
            changed += 1
    return changed


def _before(connection: sa.Connection) -> set[str]:
    """Folders of models as products' experiments name them; a folder moved by hand more than once has several."""
    if not sa.inspect(connection).has_table("experiments"):
        return set()
    named = connection.execute(sa.text("SELECT name, artifact_location FROM experiments")).all()
    ends = [(place, f"artifacts/{name}") for name, place in named]
    return {place.removesuffix(end) for place, end in ends if place.endswith(f"/{end}")}


def _rewrite(connection: sa.Connection, old: str, new: str) -> int:
    there, changed = sa.inspect(connection), 0
    for table, column in _PLACES:
        if there.has_table(table):
            done = connection.execute(
                sa.text(
                    f"UPDATE {table} SET {column} = :new || substr({column}, :after)"  # noqa: S608 - names of ours
                    f" WHERE substr({column}, 1, :length) = :old"
                ),
                {"new": new, "old": old, "after": len(old) + 1, "length": len(old)},
            )
            changed += done.rowcount
    return changed
