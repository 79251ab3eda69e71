"""What rules read of predictions. What is recorded of them is in `product/facts.py`: subjects below read it too."""

from __future__ import annotations

from typing import NotRequired

from sprintline.product.facts import PredictionsFacts


class PredictionsEvidence(PredictionsFacts):
    """The facts, with the lake and the ledger read again.

    questions: questions that were asked
    issued: whether there was a champion before the sprint
    live: id of the model that was live before the sprint; None when there was none
    without_probability: rows whose probability is null or outside of 0 to 1; absent when none was issued
    distinct_questions: questions that have a row; absent when none was issued
    """

    questions: int
    issued: bool
    live: str | None
    without_probability: NotRequired[int]
    distinct_questions: NotRequired[int]
