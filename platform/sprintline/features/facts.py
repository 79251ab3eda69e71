"""What is recorded of feature views, answered questions and the online store."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class FeatureViewFacts(TypedDict):
    """A feature view's rows of a sprint.

    rows: rows in the lake
    rests_on: data version of each mart that was read of earlier sprints, by sprint and mart; None where none was
        recorded
    """

    rows: int
    rests_on: dict[str, dict[str, str | None]]


class FeatureViewEvidence(FeatureViewFacts):
    """What rules on feature views read: the facts, and the lake's rows read again.

    rows_created_after_event: rows known only after the moment they hold for
    """

    rows_created_after_event: int


class QuestionFeaturesFacts(TypedDict):
    """The questions of a sprint with the features that answer them.

    rows: rows in the lake
    questions: questions that were asked
    coverage_by_view: share (0 to 1) of the questions that have any feature of a view, by view
    rests_on: data version of each feature view that was read of earlier sprints, by sprint and view; None where none
        was recorded
    """

    rows: int
    questions: int
    coverage_by_view: dict[str, float]
    rests_on: dict[str, dict[str, str | None]]


class QuestionFeaturesEvidence(QuestionFeaturesFacts):
    """What rules on question features read: the facts, with the lake's rows and the questions mart read again.

    distinct_questions: questions of the mart that have a row
    """

    distinct_questions: int


class OnlineFeaturesFacts(TypedDict):
    """The online store, compared with the lake when a sprint was its newest.

    keys_compared: keys asked for online; None for a sprint that the store had left behind before it was compared
    keys_unequal: keys that answered differently; None like keys_compared
    online_state: hash of all values that the store served; absent for a sprint that was not compared
    """

    keys_compared: int | None
    keys_unequal: int | None
    online_state: NotRequired[str]
