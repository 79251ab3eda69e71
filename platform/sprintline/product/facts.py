"""Recorded facts of issued predictions: written in `serving/`, read in the layers below it."""

from __future__ import annotations

from typing import TypedDict


class PredictionsFacts(TypedDict):
    """Predictions of a sprint's questions.

    rows: predictions issued
    champion: id of the model that issued them; None when there was no champion before the sprint
    """

    rows: int
    champion: str | None
