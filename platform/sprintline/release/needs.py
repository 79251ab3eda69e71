"""What the live model needs, held against what the product gives: each input is a column of the questions or a feature.

The table of answered questions keeps a column that once was in it. A view that is taken out of the service therefore
leaves no hole: the model would read nulls and answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base import settings
from sprintline.base.places import shown
from sprintline.base.steps import StepFailed
from sprintline.features.given import Given, given
from sprintline.features.store import FeatureStore
from sprintline.product.held import place_of
from sprintline.product.runtime import Runtime
from sprintline.release.live import ReleaseStateError, live
from sprintline.warehouse.dbt import Warehouse, WarehouseError

if TYPE_CHECKING:
    from sprintline.release.live import Live

MANIFEST = "manifest.json"
NAMED = 4
"""Most inputs that a sentence names."""

_NO_NUMBERS = frozenset({"text", "moment"})


def unmet_needs(runtime: Runtime, quick: bool = False) -> Iterator[str]:
    """A line when the live model needs an input that nothing gives any more, or that is no number any more.

    quick: says nothing while what `views.py` declares is not known without Feast.
    """
    # Of sqlalchemy's module; here, so that a code location loads without it.
    from sprintline.base.databases import RecordsError

    try:
        now = live(runtime)
    except (ReleaseStateError, RecordsError):
        return  # reported where it is read
    if now is not None and (line := _unmet(runtime, now, quick)):
        yield line


def refuse_unmet_needs(runtime: Runtime, model: Live) -> None:
    """A model that lacks an input answers nothing. Raises StepFailed naming the inputs and the ways out."""
    if line := _unmet(runtime, model, quick=False):
        raise StepFailed(line)


def _unmet(runtime: Runtime, model: Live, quick: bool) -> str | None:
    if line := _another_task(runtime, model):
        return line
    inputs = _inputs(runtime, model.model_id)
    declared = given(runtime[FeatureStore], quick=quick) if inputs else None
    if inputs is None or declared is None:
        return None
    features = declared.of(runtime.spec.features.service, runtime.spec.features.views)
    try:
        columns = runtime[Warehouse].manifest["nodes"].values()
    except WarehouseError:
        return None
    questions = {
        name
        for node in columns
        if node["resource_type"] == "model" and node["name"] == runtime.spec.model.questions
        for name in node["columns"]
    }
    lacking = [
        name for name in (*inputs["numeric"], *inputs["categorical"]) if name not in {*questions, *features}
    ]
    text = [name for name in inputs["numeric"] if features.get(name) in _NO_NUMBERS]
    if not lacking and not text:
        return None
    since = f", live since {model.sprint}," if model.sprint else ""
    needs = f"model {model.model_id}{since} needs {_listed(lacking or text)}"
    if not lacking:
        return f"{_place(runtime)}: {needs} as a number, and the view declares text; {_ways(runtime)}"
    return f"{_place(runtime)}: {needs}, which {_not_given(runtime, declared, lacking)}; {_ways(runtime)}"


def _another_task(runtime: Runtime, model: Live) -> str | None:
    """A model answers with what it learned: its probabilities are no minutes, whatever defs.yaml says now."""
    manifest = _manifest(runtime, model.model_id)
    if manifest is None:
        return None
    spec, was = runtime.spec.model, manifest.get("task", "binary")
    task, since = spec.task, f", live since {model.sprint}," if model.sprint else ""
    if was == task:
        for option, had in (manifest.get("task_options") or {}).items():
            if list(getattr(spec, option)) != had:
                return (
                    f"{place_of(runtime, 'model', option)}: model {model.model_id}{since} predicts {option} "
                    f"{', '.join(map(str, had))}; write these again, and make a product of its own for others "
                    f"(sprintline new)"
                )
        return None
    return (
        f"{place_of(runtime, 'model', 'task')}: {task}, but model {model.model_id}{since} has the task {was}; write "
        f"`task: {was}` again, and make a product of its own for the other answer (sprintline new)"
    )


def _manifest(runtime: Runtime, model_id: str) -> Mapping[str, Any] | None:
    """The manifest of a release; None where it cannot be read: serving refuses that itself."""
    file = runtime.home.models / "releases" / model_id / MANIFEST
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def _inputs(runtime: Runtime, model_id: str) -> Mapping[str, list[str]] | None:
    """The inputs of a released model; None where its bundle cannot be read."""
    with suppress(KeyError, TypeError):
        inputs = (_manifest(runtime, model_id) or {})["inputs"]
        return {kind: [str(name) for name in inputs[kind]] for kind in ("numeric", "categorical")}
    return None


def _not_given(runtime: Runtime, declared: Given, lacking: list[str]) -> str:
    features = runtime.spec.features
    service = declared.services.get(features.service)
    if service is None:
        return f"no view gives: the service {features.service} does not exist"
    views = dict.fromkeys(view for name in lacking if (view := declared.view_of(name)))
    for view in views:
        if view not in service:
            return f"the service {features.service} gives no more: it does not take the view {view}"
        if view not in features.views:
            return f"nothing computes any more: the view {view} is not listed under features.views"
    return f"no view of {features.service} and no column of {runtime.spec.model.questions} gives any more"


def _ways(runtime: Runtime) -> str:
    service = runtime.spec.features.service
    found = re.fullmatch(r"(.+_v)(\d+)", service)
    beside = f"{found[1]}{int(found[2]) + 1}" if found else f"{service}_v2"
    return (
        "put the view or column back, and leave it until a model without these inputs is live: take them out of "
        "model.py "
        f"first, the next model that is promoted does without; new features belong to a new service ({beside}) that "
        "gives these as well"
    )


def _place(runtime: Runtime) -> str:
    """Line of the service in views.py; of defs.yaml where it is not there."""
    service = runtime.spec.features.service
    file = Path(settings.ROOT) / "feature_repo" / runtime.product / "views.py"
    with suppress(OSError):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if f'"{service}"' in line or f"'{service}'" in line:
                return f"{shown(file)}:{number}"
    return place_of(runtime, "features")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more inputs" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
