"""What every stage's assets share: arguments, metadata, tags."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.settings import POOL as POOL  # part of every asset's arguments
from sprintline.stages.runtime import Runtime
from sprintline.stores.disk import full_disk

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.core.contracts import Column

SAMPLE_ROWS = 5

Step = Callable[..., Any]


def in_words(runtime: Runtime) -> Callable[[Step], Step]:
    """Let an asset or check whose disk is full fail with a sentence that says what to do, and not be tried again."""

    def decorate(step: Step) -> Step:
        if inspect.isgeneratorfunction(step):

            @wraps(step)
            def wrapped(*given: Any) -> Iterator[Any]:
                with _full_disk_in_words(runtime):
                    yield from step(*given)
        else:

            @wraps(step)
            def wrapped(*given: Any) -> Any:
                with _full_disk_in_words(runtime):
                    return step(*given)

        return wrapped

    return decorate


@contextmanager
def _full_disk_in_words(runtime: Runtime) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if why := full_disk(error, runtime.home.root):
            raise dg.Failure(why, allow_retries=False) from error
        raise


def asset_arguments(
    runtime: Runtime, name: str, group: str, partitions: dg.PartitionsDefinition, kinds: set[str]
) -> dict[str, Any]:
    """Key, group, owners, kinds and partitions, the same way for every asset of a product."""
    return {
        "key": dg.AssetKey([runtime.product, name]),
        "group_name": group,
        "owners": runtime.spec.owners,
        "kinds": kinds,
        "partitions_def": partitions,
        "op_tags": {"sprintline/product": runtime.product},
    }


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """A contract's columns as Dagster shows them, the classification as a tag."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.logical_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.required, unique=column.unique),
                tags={"classification": column.classification} if column.classification else {},
            )
            for column in columns
        ]
    )


def frame_schema(frame: pd.DataFrame, told: Mapping[str, str] | None = None) -> dg.TableSchema:
    """Column schema of a frame, with what is told of its columns."""
    told = told or {}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=str(name), type=str(kind), description=told.get(str(name)))
            for name, kind in frame.dtypes.items()
        ]
    )


def sample(frame: pd.DataFrame, personal: Iterable[str] = ()) -> dg.MarkdownMetadataValue:
    """A few rows as a Markdown table, personal columns left out."""
    shown = frame.drop(columns=[name for name in personal if name in frame]).head(SAMPLE_ROWS)
    lines = ["| " + " | ".join(map(str, shown.columns)) + " |", "|" + " --- |" * len(shown.columns)]
    lines += [
        "| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.itertuples(index=False)
    ]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|")[:60]


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows of equal keys as a table; numbers rounded to what an eye reads."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
            )
            for row in rows
        ]
    )


def materialized(
    version: str, metadata: Mapping[str, Any], key: dg.AssetKey | None = None
) -> dg.MaterializeResult:
    """A materialization with its data version; key is needed only where an operation makes several assets."""
    return dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(version), metadata=dict(metadata))


def actor(context: Any) -> str:
    """Who acts: the sensor that asked for the run, or whoever launched it."""
    tags = context.run.tags
    return (
        tags.get("dagster/sensor_name")
        or tags.get("user")
        or ("backfill" if "dagster/backfill" in tags else "person")
    )


def looking_back(keys: tuple[str, ...], sprints: int) -> dg.StaticPartitionMapping:
    """A sprint rests on itself and so many before it."""
    return dg.StaticPartitionMapping({key: list(keys[i : i + sprints + 1]) for i, key in enumerate(keys)})
