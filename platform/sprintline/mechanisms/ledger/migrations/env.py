"""How Alembic runs a migration of the records: on the connection and in the transaction of `records_migrations`."""

from typing import Any

from alembic import context

from sprintline.mechanisms.ledger.migrate import VERSION_TABLE
from sprintline.mechanisms.ledger.record_tables import METADATA

attributes = context.config.attributes


def _remember(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    if step.is_upgrade and not step.is_stamp:
        attributes["remember"](ctx.connection, step.up_revision_id)


context.configure(
    connection=attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    on_version_apply=_remember,
)
with context.begin_transaction():
    context.run_migrations()
