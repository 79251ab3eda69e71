"""Faults of recipes, of what a candidate learned from, and of what is kept of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from sprintline.learning.registry import Models
from sprintline.mechanisms.rules.faults import DECIDED, PRODUCT, SCORED, Fault, Sandbox
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd

RECIPE = "platform/products/{product}/model.py"


def _file_swapped(sandbox: Sandbox) -> None:
    """The release's model file becomes the twin's: a valid ONNX file that answers otherwise."""
    facts = sandbox.runtime.measurement("candidate", sandbox.sprint).facts
    folder = sandbox.runtime[Models].releases / facts["model_id"]
    shutil.copy(folder / "twin.onnx", folder / "model.onnx")


def _few_trees(sandbox: Sandbox) -> None:
    sandbox.edit(RECIPE, ('"max_iter": 600', '"max_iter": 4'))


def _stored_keys(sandbox: Sandbox, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the training keys that MLflow keeps of the candidate."""
    import pandas as pd

    learned = sandbox.runtime.measurement("candidate", sandbox.sprint).facts["rows"]
    for file in sorted(sandbox.home.models.rglob("snapshot.parquet")):
        keys = pd.read_parquet(file)
        if len(keys) == learned:
            change(keys).to_parquet(file, index=False)
            return
    raise RuntimeError(f"no stored snapshot has the candidate's {learned} keys")


def _keys_lost(sandbox: Sandbox) -> None:
    _stored_keys(sandbox, lambda keys: keys.iloc[5:])


def _last_sprint_mislabelled(sandbox: Sandbox) -> None:
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.answers(
        f"update {relation} set late = not late where sprint = '{sandbox.before}'"  # noqa: S608 - our own names
    )


def _card_made_prettier(sandbox: Sandbox) -> None:
    """A figure of the card is written over by hand."""
    import json

    model_id = sandbox.runtime.measurement("candidate", sandbox.sprint).facts["model_id"]
    file = sandbox.home.models / "cards" / PRODUCT / f"{model_id}.json"
    card = json.loads(file.read_text(encoding="utf-8"))
    card["sections"][0]["figures"][0]["value"] = 0.99
    file.write_text(json.dumps(card), encoding="utf-8")


def _own_inputs(sandbox: Sandbox) -> None:
    """The recipe makes its inputs by code of its own, in which anything may be looked up."""
    sandbox.edit(
        RECIPE,
        ("inputs=Inputs(NUMERIC, CATEGORICAL)", 'inputs=type("Wider", (Inputs,), {})(NUMERIC, CATEGORICAL)'),
    )


def _answers_by_distance(sandbox: Sandbox, flipped: int) -> None:
    """Let a column of the question give the answer, but for some per cent of the rows."""
    outcomes, questions = (sandbox.runtime[Warehouse].relations()[name] for name in ("outcomes", "questions"))
    sandbox.answers(
        f"update {outcomes} set late = (q.distance_km > (select median(distance_km) from {questions})) "  # noqa: S608 - our own names
        f"<> (hash(q.question_id) % 100 < {flipped}) from {questions} as q "
        f"where q.question_id = {outcomes}.question_id and q.sprint = {outcomes}.sprint"
    )


FAULTS = (
    Fault("ML402", "the served file swapped", "release folder, model.onnx", "candidate", _file_swapped),
    Fault(
        "ML404", "too few trees to converge", "recipe in model.py", "candidate", _few_trees,
        run=DECIDED, state=SCORED,
    ),
    Fault("ML406", "training keys lost", "MLflow's artefact snapshot.parquet", "candidate", _keys_lost),
    Fault(
        "ML409", "one sprint's outcomes flipped", "table outcomes in the warehouse", "candidate",
        _last_sprint_mislabelled, run=DECIDED, state=SCORED,
    ),
    Fault("ML410", "a figure made prettier", "model card on disk", "candidate", _card_made_prettier),
    Fault(
        "ML411", "inputs made by the recipe's own code", "recipe in model.py", "candidate", _own_inputs,
        run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML412", "a column that is the answer", "table outcomes in the warehouse", "candidate",
        lambda sandbox: _answers_by_distance(sandbox, 0), run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML412", "one column that nearly gives the answer", "table outcomes in the warehouse", "candidate",
        lambda sandbox: _answers_by_distance(sandbox, 6), run=DECIDED, state=SCORED,
    ),
)  # fmt: skip
