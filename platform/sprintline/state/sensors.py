"""State within bounds: what is old goes by itself once a day while a daemon runs, or when `sprintline prune` asks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition

from sprintline.base.settings import Home, days
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import platform_sensor
from sprintline.state.backup import BackupError, keeping
from sprintline.state.retention import Pruned, empty_run_log, prune_files

if TYPE_CHECKING:
    from dagster._core.storage.event_log import EventLogStorage

EVERY_SECONDS = 24 * 60 * 60

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

SENSORS = ("retention",)
"""What its sensors are called, after the product's name."""


def retention_sensor(runtime: Runtime) -> dg.SensorDefinition:
    """Prunes the whole state folder once a day. It starts no run: a run would leave more behind than it removes."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            return dg.SkipReason(sentence(prune(runtime.home, context.instance)))
        except BackupError as error:
            return dg.SkipReason(f"nothing was pruned: {error}")

    return platform_sensor(
        f"{runtime.product}_{SENSORS[0]}",
        "Once a day removes what the settings SPRINTLINE_KEEP_... no longer keep, and says what went.",
        tick,
        seconds=EVERY_SECONDS,
        job_name=f"{runtime.product}_closing",
    )


def sensors(runtime: Runtime, jobs: Mapping[str, ExecutableDefinition]) -> Iterator[dg.SensorDefinition]:
    """The sensors of this subject."""
    yield retention_sensor(runtime)


def prune(home: Home, instance: dg.DagsterInstance | None, *, dry: bool = False) -> list[Pruned]:
    """Remove what is old enough in the whole state folder; of many that call at once one does it.

    Args:
        instance: the folder's Dagster instance; None where it has none yet.
        dry: only say what would go.

    Raises:
        BackupError: a backup is being made, or somebody else prunes.
        SettingError: a setting is no number of days; nothing was removed.
    """
    now = datetime.now(UTC)
    keep = days("SPRINTLINE_KEEP_RUN_LOGS_DAYS")
    with keeping(home, alone=True):
        logs = (
            [] if instance is None else [_run_logs(home, instance, keep, now - timedelta(days=keep), dry=dry)]
        )
        return [*logs, *prune_files(home, now, dry=dry)]


def sentence(done: list[Pruned]) -> str:
    """What went, in one line."""
    told = [f"{one.removed} {one.what} ({one.freed / 1e6:,.1f} MB)" for one in done if one.removed]
    told += [f"{one.what}: {one.note}" for one in done if one.note]
    return f"pruned {', '.join(told)}" if told else "nothing is old enough to be pruned"


def _run_logs(home: Home, instance: dg.DagsterInstance, keep: int, before: datetime, *, dry: bool) -> Pruned:
    """What old runs said step by step. The runs, their materializations and checks stand elsewhere, and stay."""
    # Here and below: with Alembic and SQLAlchemy behind them these cost a code location 0.4 s to load.
    from dagster._core.storage.event_log import SqliteEventLogStorage

    removed = freed = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=ENDED)):
        if record.end_time is None or record.end_time >= before.timestamp():
            continue
        run_id = record.dagster_run.run_id
        printed = [file for file in (home.dagster / "storage" / run_id).rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in printed)
        for file in printed if not dry else []:
            file.unlink(missing_ok=True)
        storage = instance.event_log_storage
        if isinstance(storage, SqliteEventLogStorage):
            # Emptied, not removed: a process that has it open would find a file without tables.
            events, more = empty_run_log(Path(storage.path_for_shard(run_id)), dry=dry)
        else:
            events, more = _on_server(storage, run_id, dry=dry), 0
        if printed or events:
            removed, freed = removed + 1, freed + size + more
    return Pruned("logs of old runs", keep, removed, freed)


def _on_server(storage: "EventLogStorage", run_id: str, *, dry: bool) -> int:
    """Remove a run's events from a server but those that name an asset, which are its history; how many."""
    import sqlalchemy as sa
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    if not isinstance(storage, SqlEventLogStorage):
        return 0
    table = SqlEventLogStorageTable
    chosen = (table.c.run_id == run_id, table.c.asset_key.is_(None))
    with storage.run_connection(run_id) as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(table).where(*chosen)).scalar_one()
        if found and not dry:
            connection.execute(table.delete().where(*chosen))
    return int(found)
