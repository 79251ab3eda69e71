"""What is recorded of a candidate."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from sprintline.learning.facts import (
    Backtest,
    CardFaults,
    Difference,
    Metrics,
    Parities,
    Slice,
    SnapshotFacts,
)


class RebuiltTable(TypedDict):
    """Rows of one table computed again, compared with the stored ones.

    rows: rows that were compared
    unequal: rows that differ
    columns: those in which any row differs
    first: the first such row, in words; empty when all are equal
    """

    rows: int
    unequal: int
    columns: list[str]
    first: str


class Rebuilt(TypedDict):
    """Features recomputed from what was known at a question's moment.

    moment: that moment (ISO, UTC); absent when they could not be computed again
    tables: what was compared, by table; absent when they could not be computed again
    known_when_asked: columns that are known when the question is asked, by source; absent as tables, and in records
        made before contracts declared them
    questions: which of the tables has the questions' own columns; absent like known_when_asked
    not_rebuilt: questions asked by the moment that could not be computed again; absent like it
    scrambled: columns with values that were not known and were scrambled, as source.column; absent like it
    caused_by: of these, the columns of which one alone changes a result; absent when all rows are equal
    why: why they could not be computed again; absent otherwise
    """

    moment: NotRequired[str]
    tables: NotRequired[dict[str, RebuiltTable]]
    known_when_asked: NotRequired[dict[str, list[str]]]
    questions: NotRequired[str]
    not_rebuilt: NotRequired[int]
    scrambled: NotRequired[list[str]]
    caused_by: NotRequired[list[str]]
    why: NotRequired[str]


class Judged(TypedDict):
    """A candidate on its held-out sprint."""

    model_id: str
    judged: str
    rows_judged: int
    by_model: dict[str, Metrics]
    parity: Parities
    tuned_on: str
    stopped: str
    iterations: int
    budget_seconds: float
    champion: str | None
    against_champion: Difference | None
    baselines: dict[str, Difference]
    snapshot: SnapshotFacts
    slices: dict[str, Slice]
    slices_against: str
    judged_days: NotRequired[int]
    rarer_judged: NotRequired[int | None]
    sprint_days: NotRequired[int]
    sprint_after: NotRequired[str | None]
    train_sprints: NotRequired[int]


class Served(TypedDict):
    """Columns that a candidate reads, and those that are there when it serves."""

    inputs: list[str]
    served: list[str]
    outcomes: list[str]
    own_inputs: bool


class CandidateFacts(Judged, Served):
    """A candidate: how it was trained, and what it was compared with on its held-out sprint.

    model_id: hash of what it was made from
    release_digest: hash of its released files
    trigger: kind of the reason to train
    rows: training rows
    trained_through: last sprint it was trained on
    tuned_on: sprint that decided when its training stopped
    stopped: why training stopped: converged, or budget
    iterations: trees
    seconds: seconds that training took
    budget_seconds: seconds that training may take
    importance: loss of ROC-AUC when a column is shuffled, by column
    judged: the held-out sprint
    rows_judged: labelled questions of it
    by_model: metrics on these of candidate, twin, naive, base rate and champion; of numbers also of the last value and
        the seasonal value of each group
    champion: id of the model it is compared with; None at bootstrap
    against_champion: gain over the champion; None at bootstrap
    baselines: gain over the naive baseline and over the base rate
    slices: gain within each slice, by column and value; slices with too few rows are left out
    slices_against: what the slices are compared with
    judged_days: days with an answer of the held-out sprint; absent in older records, as the next four
    rarer_judged: rows of the rarer answer in it; None where answers are numbers
    sprint_days: days of that sprint
    sprint_after: the next planned sprint; None without one
    train_sprints: sprints that a candidate learns from, as declared
    parity: scikit-learn compared with ONNX
    backtest: the recipe at earlier moments
    rebuilt: its features, computed again without later data
    snapshot: what it was made from
    inputs: columns that it reads
    served: columns that a question is answered with when the model serves
    outcomes: columns that are known only when a question has ended
    own_inputs: whether the platform makes the inputs from these columns, without code of the recipe
    """

    release_digest: str
    trigger: str
    rows: int
    trained_through: str
    seconds: float
    importance: dict[str, float]
    backtest: Backtest
    rebuilt: Rebuilt


class Kept(TypedDict):
    """What the registry keeps of a model's training rows, compared with the sprint it is judged on.

    keys_by_sprint: training rows by sprint
    judged_rows_in_snapshot: questions of the judged sprint among them
    champion_keys_judged: the same for the champion it is compared with, 0 without one
    stored_keys_hash: hash of the keys as they are read back
    """

    keys_by_sprint: dict[str, int]
    judged_rows_in_snapshot: int
    champion_keys_judged: int
    stored_keys_hash: str


class CandidateEvidence(CandidateFacts, Kept):
    """What rules on candidates read: the facts, with registry, release and card read again.

    damaged: what is wrong with the release's files, a sentence each; empty while they are as they were saved
    card: what is wrong with the model card
    plausible_by: who stated that a score like this, on the same inputs, is no leak; None when nobody did
    profiles: findings about its sources that nobody accepted, by sprint that it learned from or was judged on; None for
        a sprint without profiles
    """

    damaged: list[str]
    card: CardFaults
    plausible_by: str | None
    profiles: dict[str, list[str] | None]
