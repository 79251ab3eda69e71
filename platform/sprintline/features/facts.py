"""Recorded facts of feature views, question features and the online store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from sprintline.features.online_answers import OnlineCompared


class FeatureViewFacts(TypedDict):
    """A feature view's rows of a sprint.

    rows: rows in the lake
    rests_on: data version of each mart of earlier sprints that was read, by sprint and mart; None where none was
        recorded
    """

    rows: int
    rests_on: dict[str, dict[str, str | None]]


class FeatureViewEvidence(FeatureViewFacts):
    """Evidence for rules on feature views: the facts, and the lake's rows read again.

    rows_created_after_event: rows that use data known only after their moment
    """

    rows_created_after_event: int


class QuestionFeaturesFacts(TypedDict):
    """The questions of a sprint with the features that answer them.

    rows: rows in the lake
    questions: questions of the sprint
    coverage_by_view: share (0 to 1) of the questions that have any feature of a view, by view
    rests_on: data version of each feature view of earlier sprints that was read, by sprint and view; None where none
        was recorded
    service: the feature service whose features they have; absent in older sprints
    lookback: sprints before its own that a view could read; absent in older sprints
    """

    rows: int
    questions: int
    coverage_by_view: dict[str, float]
    rests_on: dict[str, dict[str, str | None]]
    service: NotRequired[str]
    lookback: NotRequired[int]


class QuestionFeaturesEvidence(QuestionFeaturesFacts):
    """Evidence for rules on question features: the facts, with the lake's rows and the questions mart read again.

    distinct_questions: questions of the mart that have a row
    """

    distinct_questions: int


class OnlineFeaturesFacts(TypedDict):
    """The online store, compared with the lake when a sprint was its newest.

    keys_compared: keys that must be online; None for a sprint that was already older than the store when it was
        computed
    keys_unequal: keys with different values or moments; None like keys_compared
    keys_missing: keys that are not online; absent for a sprint that was not compared
    keys_extra: keys online that no offline row has; absent or None where not all keys of all sprints were compared
    online_state: hash of all values that the store served; absent for a sprint that was not compared
    online_views: the same by view
    filled: why the store was filled again from all sprints; absent where it was not
    """

    keys_compared: int | None
    keys_unequal: int | None
    keys_missing: NotRequired[int]
    keys_extra: NotRequired[int | None]
    online_state: NotRequired[str]
    online_views: NotRequired[dict[str, str]]
    filled: NotRequired[str]


def compared_facts(found: OnlineCompared) -> OnlineFeaturesFacts:
    """A comparison as it is recorded."""
    return {
        "keys_compared": found.keys,
        "keys_unequal": found.unequal,
        "keys_missing": found.missing,
        "keys_extra": found.extra,
    }
