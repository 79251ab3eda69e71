"""The first schema: verdicts, ledger and measurements; the database itself refuses to change what only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_VERDICT = (
    "product", "sprint", "code", "asset", "subject", "outcome", "severity", "observed", "threshold", "sentence",
    "data_version", "at",
)  # fmt: skip
_EVENT = ("at", "kind", "product", "sprint", "actor", "body")

# SQLite's INSERT OR REPLACE removes the old row without firing the trigger against DELETE, so an insert over a row that
# is there is refused too; and an event may only follow the last one.
_SQLITE_GUARDS = [
    f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"""
    for table in ("ledger", "verdicts")
    for verb in ("UPDATE", "DELETE")
] + [
    """CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
        BEGIN SELECT RAISE(ABORT, 'ledger is append-only: an event may only follow the last one'); END""",
    """CREATE TRIGGER verdicts_in_order BEFORE INSERT ON verdicts
        WHEN EXISTS (SELECT 1 FROM verdicts WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'verdicts is append-only: this id is taken'); END""",
]

_POSTGRES_GUARDS = [
    """CREATE FUNCTION sprintline_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' refused'; END $$""",
] + [
    f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION sprintline_append_only()"""
    for table in ("ledger", "verdicts")
]


def upgrade() -> None:
    """Make tables, indexes and guards."""
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _VERDICT),
        sqlite_autoincrement=True,
    )
    op.create_index("verdicts_place", "verdicts", ["product", "sprint", "code", "asset", "subject", "id"])
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _EVENT),
        sa.Column("prev", sa.Text, nullable=False, unique=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("key", sa.Text, nullable=True),
        sa.UniqueConstraint("kind", "product", "sprint", "key", name="ledger_key"),
    )
    op.create_index("ledger_place", "ledger", ["product", "kind", "sprint", "seq"])
    op.create_table(
        "measurements",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("product", "sprint", "asset")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("data_version", "facts", "at")),
    )
    connection = op.get_bind()
    guards = _POSTGRES_GUARDS if connection.dialect.name == "postgresql" else _SQLITE_GUARDS
    for guard in guards:
        connection.exec_driver_sql(guard)
