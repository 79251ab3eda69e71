"""Verdicts and measurements of any scope, not only of a sprint; events with the platform's time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS = ("product", "scope_kind", "scope_key", "asset")
_FACTS = ("data_version", "facts", "at")


def upgrade() -> None:
    """What version 1 recorded of a sprint has a scope of the kind `sprint` afterwards."""
    op.drop_index("verdicts_place", "verdicts")
    op.execute("ALTER TABLE verdicts RENAME COLUMN sprint TO scope_key")
    op.add_column("verdicts", sa.Column("scope_kind", sa.Text, nullable=False, server_default="sprint"))
    op.create_index(
        "verdicts_place",
        "verdicts",
        ["product", "scope_kind", "scope_key", "code", "asset", "subject", "id"],
    )
    # A new table, since SQLite changes no primary key.
    op.rename_table("measurements", "measurements_1")
    op.create_table(
        "measurements",
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_KEYS, *_FACTS)),
        sa.PrimaryKeyConstraint(*_KEYS, name="measurements_place"),
    )
    op.execute(
        "INSERT INTO measurements (product, scope_kind, scope_key, asset, data_version, facts, at)"
        " SELECT product, 'sprint', sprint, asset, data_version, facts, at FROM measurements_1"
    )
    op.drop_table("measurements_1")
    op.add_column("ledger", sa.Column("as_of", sa.Text, nullable=True))
