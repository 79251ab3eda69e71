"""Faults of issued predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import Fault, Sandbox

if TYPE_CHECKING:
    import pandas as pd


def _answer_lost(sandbox: Sandbox) -> None:
    def change(issued: pd.DataFrame) -> pd.DataFrame:
        issued.loc[issued.index[:4], "probability"] = float("nan")
        return issued

    sandbox.partition("predictions", change)


def _answer_of_another(sandbox: Sandbox) -> None:
    sandbox.partition("predictions", lambda issued: issued.assign(model_id="another"))


FAULTS = (
    Fault("ML401", "predictions without a probability", "lake partition of predictions", "predictions", _answer_lost),
    Fault("ML401", "answers of another model", "lake partition of predictions", "predictions", _answer_of_another),
)  # fmt: skip
