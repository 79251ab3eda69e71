"""Faults of predictions, of recipes and what they learn from, and of what is kept of a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from sprintline.faults.fault import SCORED, Fault
from sprintline.faults.ground import PRODUCT, Ground

if TYPE_CHECKING:
    import pandas as pd

RECIPE = "platform/products/{product}/model.py"
DECIDED = ("candidate", "champion", "increment")
ORDER_AND_COURIER = (
    '    "parcels",\n    "distance_km",\n    "promised_minutes",\n    "placed_hour",\n    "weekday",\n'
    '    "courier_late_rate_1d",\n    "courier_late_rate_7d",\n    "courier_delay_minutes_1d",\n'
)


def _answer_lost(ground: Ground) -> None:
    def change(issued: pd.DataFrame) -> pd.DataFrame:
        issued.loc[issued.index[:4], "probability"] = float("nan")
        return issued

    ground.partition("predictions", change)


def _answer_of_another(ground: Ground) -> None:
    ground.partition("predictions", lambda issued: issued.assign(model_id="another"))


def _file_swapped(ground: Ground) -> None:
    """The release's model file becomes the twin's: a valid ONNX file that answers otherwise."""
    facts = ground.runtime.measurement("candidate", ground.sprint).facts
    folder = ground.runtime.models.releases / facts["model_id"]
    shutil.copy(folder / "twin.onnx", folder / "model.onnx")


def _few_trees(ground: Ground) -> None:
    ground.edit(RECIPE, ('"max_iter": 600', '"max_iter": 4'))


def _blind(ground: Ground) -> None:
    """All that tells something is taken out of the recipe."""
    ground.edit(
        RECIPE,
        (ORDER_AND_COURIER, '    "weekday",\n'),
        ('CATEGORICAL = ("courier", "district")', 'CATEGORICAL = ("district",)'),
        ('naive_groups=("courier",)', 'naive_groups=("district",)'),
    )


def _a_table_of_rates(ground: Ground) -> None:
    """What is left to the recipe is what the naive baseline has too."""
    ground.edit(
        RECIPE,
        (ORDER_AND_COURIER, '    "weekday",\n'),
        ('CATEGORICAL = ("courier", "district")', 'CATEGORICAL = ("courier",)'),
    )


def _stored_keys(ground: Ground, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the training keys that MLflow keeps of the candidate."""
    import pandas as pd

    learned = ground.runtime.measurement("candidate", ground.sprint).facts["rows"]
    for file in sorted(ground.home.models.rglob("snapshot.parquet")):
        keys = pd.read_parquet(file)
        if len(keys) == learned:
            change(keys).to_parquet(file, index=False)
            return
    raise RuntimeError(f"no stored snapshot has the candidate's {learned} keys")


def _keys_lost(ground: Ground) -> None:
    _stored_keys(ground, lambda keys: keys.iloc[5:])


def _keys_of_the_judged_sprint(ground: Ground) -> None:
    """Some of what was learned from are the very questions that the candidate is judged on."""
    table = ground.runtime.table("question_features")
    asked = ground.runtime.lake.read(table, [ground.sprint], columns=["question_id"])["question_id"].tolist()
    _stored_keys(ground, lambda keys: keys.assign(question_id=[*asked[:5], *keys["question_id"].iloc[5:]]))


def _flag_read_wrongly(ground: Ground) -> None:
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"update {relation} set late = not late where courier <> 'swift' and sprint < '{ground.sprint}'"  # noqa: S608 - our own names
    )


def _own_inputs(ground: Ground) -> None:
    """The recipe makes its inputs by code of its own, in which anything may be looked up."""
    ground.edit(
        RECIPE,
        ("inputs=Inputs(NUMERIC, CATEGORICAL)", 'inputs=type("Wider", (Inputs,), {})(NUMERIC, CATEGORICAL)'),
    )


def _hours_to_come(ground: Ground) -> None:
    """The view's daily sums reach two hours beyond the hour they stand for; its moments still say otherwise."""
    ground.edit(
        "feature_repo/{product}/courier_delays.sql",
        (
            "range between interval 23 hour preceding and current row",
            "range between interval 23 hour preceding and interval 2 hour following",
        ),
    )


def _last_sprint_mislabelled(ground: Ground) -> None:
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"update {relation} set late = not late where sprint = '{ground.before}'"  # noqa: S608 - our own names
    )


def _card_made_prettier(ground: Ground) -> None:
    """A figure of the card is written over by hand."""
    import json

    model_id = ground.runtime.measurement("candidate", ground.sprint).facts["model_id"]
    file = ground.home.models / "cards" / PRODUCT / f"{model_id}.json"
    card = json.loads(file.read_text(encoding="utf-8"))
    card["sections"][0]["figures"][0]["value"] = 0.99
    file.write_text(json.dumps(card), encoding="utf-8")


FAULTS = (
    Fault(
        "FT305", "a view that looks two hours ahead", "SQL of the view courier_delays", "candidate", _hours_to_come,
        run=("courier_delays", "question_features", *DECIDED), state=SCORED,
    ),
    Fault(
        "ML409", "one sprint's outcomes flipped", "table outcomes in the warehouse", "candidate",
        _last_sprint_mislabelled, run=DECIDED, state=SCORED,
    ),
    Fault("ML410", "a figure made prettier", "model card on disk", "candidate", _card_made_prettier),
    Fault(
        "ML411", "inputs made by the recipe's own code", "recipe in model.py", "candidate", _own_inputs,
        run=DECIDED, state=SCORED,
    ),
    Fault("ML401", "predictions without a probability", "lake partition of predictions", "predictions", _answer_lost),
    Fault("ML401", "answers of another model", "lake partition of predictions", "predictions", _answer_of_another),
    Fault("ML402", "the served file swapped", "release folder, model.onnx", "candidate", _file_swapped),
    Fault(
        "ML403", "questions of the judged sprint among those learned from", "MLflow's artefact snapshot.parquet",
        "candidate", _keys_of_the_judged_sprint,
    ),
    Fault(
        "ML404", "too few trees to converge", "recipe in model.py", "candidate", _few_trees,
        run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML405", "a recipe blind for what matters", "recipe in model.py", "candidate", _blind,
        run=DECIDED, state=SCORED,
    ),
    Fault("ML406", "training keys lost", "MLflow's artefact snapshot.parquet", "candidate", _keys_lost),
    Fault(
        "ML407", "a recipe that knows no more than the baseline", "recipe in model.py", "candidate", _a_table_of_rates,
        run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML408", "a flag of two couriers read the wrong way round", "table outcomes in the warehouse", "candidate",
        _flag_read_wrongly, run=DECIDED, state=SCORED,
    ),
)  # fmt: skip
