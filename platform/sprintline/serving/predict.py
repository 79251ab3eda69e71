"""Predictions of a sprint's questions by a released model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime
from sprintline.release.live import Live

if TYPE_CHECKING:
    import pandas as pd


def predict(runtime: Runtime, live: Live, questions: pd.DataFrame) -> pd.DataFrame:
    """A prediction per question by the live model, its twin and its naive baseline.

    Opens neither MLflow nor scikit-learn. Raises ReleaseError when the release is missing or not the one in the ledger.
    """
    release = runtime[Models].release(live.model_id, live.release_digest)
    task = release.task
    predictions = {
        **task.issued(release.model.predict(questions)),
        **task.named("twin", release.twin.predict(questions)),
        **task.named("naive", release.naive.predict(questions)),
    }
    return questions[["question_id", "question_at", "event_at"]].assign(
        # The lake asks of every row when it could be known: an answer is known when its question is asked.
        known_at=questions["question_at"],
        model_id=live.model_id,
        **predictions,
    )
