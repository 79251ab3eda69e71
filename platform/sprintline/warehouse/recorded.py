"""What was recorded about marts in earlier sprints, and whether the warehouse still has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sprintline.base.settings import ROOT
from sprintline.lake.recorded import Changed
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import NO_ROWS, fingerprints_of, same_content
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.facts import ModelFacts
from sprintline.warehouse.sql_text import without_comments

WAREHOUSE: Final = "warehouse"

_State = tuple[tuple[int, int, int, int] | None, ...]


def marts_of_view(runtime: Runtime, view: str) -> list[str]:
    """The marts that a feature view's SQL names."""
    file = ROOT / "feature_repo" / runtime.product / f"{view}.sql"
    text = without_comments(file.read_text(encoding="utf-8")) if file.is_file() else ""
    words = set(re.findall(r"\w+", text))
    nodes = runtime[Warehouse].manifest["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    return sorted(node["name"] for node in models if node["schema"] == "marts" and node["name"] in words)


def changed_before(runtime: Runtime, sprint: str) -> list[Changed]:
    """Rows of earlier sprints in the warehouse that this sprint depends on and that differ from what was recorded.

    These are the rows of every model in the lookback sprints, and the outcomes of the sprints that a candidate learns
    from and whose errors drift compares. A checksum in DuckDB is compared first, which reads the rows of these sprints
    and of no others. Only where it differs is the content hash computed.
    """
    spec = runtime.spec
    farthest = max(spec.features.lookback_sprints, spec.model.train_sprints, spec.drift.window - 1, 1)
    earlier = runtime.calendar.previous(sprint, farthest)
    # The first sprint of a product depends on none, and needs no dbt manifest for that.
    if not any(runtime.records.measurements(runtime.product, key) for key in earlier):
        return []
    return changed_in_warehouse(runtime, read_before(runtime, sprint))


def read_before(runtime: Runtime, sprint: str) -> dict[str, list[str]]:
    """Earlier sprints whose rows a sprint depends on, by model; the newest sprint last."""
    spec, previous = runtime.spec, runtime.calendar.previous
    back = dict.fromkeys(keeping_models(runtime), max(spec.features.lookback_sprints, 1))
    outcomes = spec.model.outcomes
    back[outcomes] = max(back.get(outcomes, 0), spec.model.train_sprints, spec.drift.window - 1)
    return {model: previous(sprint, sprints) for model, sprints in back.items()}


def keeping_models(runtime: Runtime) -> list[str]:
    """Models that keep the rows of every sprint. One that a team materializes as a table or a view does not."""
    nodes = runtime[Warehouse].manifest["nodes"].values()
    return [
        node["name"]
        for node in nodes
        if node["resource_type"] == "model" and node["config"].get("materialized") == "incremental"
    ]


def changed_in_warehouse(runtime: Runtime, wanted: Mapping[str, Sequence[str]]) -> list[Changed]:
    """Models' rows that differ from what was recorded of them; sorted. wanted: sprints by model."""
    keys = sorted({key for sprints in wanted.values() for key in sprints})
    recorded = {
        (name, key): one
        for key in keys
        for (_, name), one in runtime.records.measurements(runtime.product, key).items()
        if key in wanted.get(name, ())
    }
    if not recorded:
        return []
    now = _fingerprints(runtime[Warehouse], wanted)
    found = []
    for (model, key), one in recorded.items():
        facts: ModelFacts = one.facts
        if now.get((model, key)) == facts.get("fingerprint", ""):
            continue
        rows = int(now.get((model, key), NO_ROWS).partition(":")[0])
        if rows != facts["rows"] or not same_content(runtime[Warehouse], model, key, one.data_version):
            found.append(Changed(key, model, WAREHOUSE, _how(rows, facts["rows"])))
    return sorted(found)


_KNOWN: dict[Path, tuple[_State, dict[tuple[str, str], str]]] = {}
"""Checksums by warehouse file, while the file is the same: the steps of a closing compare the same sprints in turn."""


def _fingerprints(warehouse: Warehouse, wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """Checksums by model and sprint, of which those that are known for the file as it is are not computed again."""
    state = _state(warehouse.file)
    known = _KNOWN.get(warehouse.file)
    if known is None or known[0] != state:
        known = _KNOWN[warehouse.file] = (state, {})
    missing = {
        model: lacking
        for model, keys in wanted.items()
        if (lacking := [key for key in keys if (model, key) not in known[1]])
    }
    if missing:
        known[1].update(fingerprints_of(warehouse, missing))
    return known[1]


def _state(file: Path) -> _State:
    """Inode, size and moments of the warehouse's file and of its write-ahead log; None for one that is not there."""
    found: list[tuple[int, int, int, int] | None] = []
    for one in (file, file.with_name(f"{file.name}.wal")):
        try:
            stat = one.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return tuple(found)


def _how(rows: int, recorded: int) -> str:
    if rows != recorded:
        return f"{recorded:,} rows were recorded, {rows:,} are there now"
    return f"{rows:,} rows as recorded, with other values"
