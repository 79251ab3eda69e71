"""What every stage's assets share: arguments, metadata, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.base.settings import POOL as POOL  # part of every asset's arguments
from sprintline.mechanisms.assets import actor as actor
from sprintline.mechanisms.assets import in_words as in_words
from sprintline.product.past import undecided
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd


SAMPLE_ROWS = 5


def asset_arguments(
    runtime: Runtime, name: str, group: str, partitions: dg.PartitionsDefinition, kinds: set[str]
) -> dict[str, Any]:
    """Key, group, owners, kinds and partitions of an asset, the same for every asset of a product."""
    return {
        "key": dg.AssetKey([runtime.product, name]),
        "group_name": group,
        "owners": runtime.spec.owners,
        "kinds": kinds,
        "partitions_def": partitions,
        "op_tags": {"sprintline/product": runtime.product},
    }


def frame_schema(frame: pd.DataFrame, descriptions: Mapping[str, str] | None = None) -> dg.TableSchema:
    """Column schema of a frame, with descriptions by column."""
    descriptions = descriptions or {}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=str(name), type=str(kind), description=descriptions.get(str(name)))
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
    """Rows with the same keys as a table; numbers rounded for display."""
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


def with_previous_sprints(keys: tuple[str, ...], sprints: int) -> dg.StaticPartitionMapping:
    """A sprint depends on itself and on this number of sprints before it."""
    return dg.StaticPartitionMapping({key: list(keys[i : i + sprints + 1]) for i, key in enumerate(keys)})


def skips(context: dg.AssetExecutionContext, sprint: str, asset: dg.AssetKey, why: str) -> None:
    """Say why an asset and its checks are skipped in a sprint: in the log, and as an event of the asset."""
    context.log.info(why)
    context.log_event(
        dg.AssetObservation(asset, partition=sprint, description=why, metadata={"skipped": why})
    )


def waits(context: dg.AssetExecutionContext, runtime: Runtime, sprint: str, asset: dg.AssetKey) -> str | None:
    """Why a sprint cannot go on yet, shown on the asset; None when the sprint before is decided."""
    why = undecided(runtime, sprint)
    if why:
        context.log.warning(why)
        context.log_event(
            dg.AssetObservation(asset, partition=sprint, description=why, metadata={"waits": why})
        )
    return why
