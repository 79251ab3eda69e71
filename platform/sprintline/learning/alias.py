"""Where MLflow's alias points, read from its database in milliseconds; the client needs seconds to be imported.

MLflow is a mirror of the ledger. A closing and `sprintline status` compare the two, so the question must cost little.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

_POINTS_TO = (
    "select a.version, t.value from registered_model_aliases a left join model_version_tags t "
    "on t.name = a.name and t.version = a.version and t.key = 'model_id' "
    "where a.name = :product and a.alias = :alias"
)
_VERSIONS = (
    "select min(t.version) from model_version_tags t join model_versions v "
    "on v.name = t.name and v.version = t.version "
    "where t.name = :product and t.key = 'model_id' and t.value = :model and v.current_stage <> 'Deleted_Internal'"
)


@dataclass(frozen=True)
class Alias:
    """Where an alias points, and where it has to.

    version: version it points to; None for nowhere. model_id: model of that version; None where the version names none.
    due: version of the model it has to point to; None where that model is not registered, or there is none.
    """

    version: int | None
    model_id: str | None
    due: int | None

    @property
    def right(self) -> bool:
        """Whether it points to the version it has to, or nowhere when there is none."""
        return self.version == self.due

    def __str__(self) -> str:
        if self.version is None:
            return "no version"
        return f"version {self.version} (model {self.model_id or 'unknown'})"


def read_alias(url: str, product: str, alias: str, model_id: str | None) -> Alias | None:
    """Where an alias of a product points, and the version of the model it has to point to.

    Args:
        url: of MLflow's database.
        model_id: the model it has to point to; None for none.

    Returns:
        None when the database is not there, or is not as this version of MLflow makes it.
    """
    import sqlalchemy as sa

    try:
        with _connected(url) as connection:
            if connection is None:
                return None
            asked = {"product": product, "alias": alias}
            row = connection.execute(sa.text(_POINTS_TO), asked).first()
            due = connection.execute(sa.text(_VERSIONS), {"product": product, "model": model_id}).scalar()
    except sa.exc.SQLAlchemyError:
        return None
    version = None if row is None else int(row[0])
    return Alias(version, None if row is None else row[1], None if due is None else int(due))


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection | None]:
    import sqlalchemy as sa

    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or not Path(parsed.database).is_file():
            yield None
            return
        engine = sa.create_engine(f"sqlite:///file:{parsed.database}?mode=ro&uri=true")
    else:
        from sprintline.base.databases import postgres

        engine = postgres(parsed)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
