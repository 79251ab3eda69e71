"""Where the predictions of a sprint were right and where not: a document that the scores keep for its page.

What is shown of rows are aggregates and a few sample rows, of columns that the contracts let be shown
(`landing.showable`). Pure but for `diagnose`, which reads what was issued and answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sprintline.lake.tables import Lake
from sprintline.landing.showable import Showable
from sprintline.learning.labels import labels_of
from sprintline.learning.metric_names import METRICS
from sprintline.mechanisms.reports.document import (
    Column,
    Curves,
    Document,
    Form,
    Paragraph,
    Part,
    Ranking,
    Section,
    Table,
    Value,
)
from sprintline.monitoring.groups import PARTS, Group, days_of, groups_of, least_gap, sure

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.recipes import Inputs
    from sprintline.learning.tasks import Task
    from sprintline.product.runtime import Runtime

DIAGNOSIS = "diagnosis"
"""Kind of the document."""
LEAST_ROWS = 30
"""Rows of a group, at least; of large sprints a fiftieth of all rows."""
MOST_SLICED, MOST_DRIVERS, MOST_DRAWN, MOST_WORST, MOST_SAMPLED = 2, 10, 3, 3, 3
"""Columns with a table of slices; importances; inputs drawn; worst groups; sample rows of each."""
NO_PLOTS = "There are no plots of predictions and answers for the task {} yet."
LEAST_IMPORTANCE = 0.0005
"""Smaller importances are written as 0.000."""
MOST_COLUMNS = 6
"""Inputs beside each sample row."""
FALSE_RATE = 0.05
"""Chance that any group is called worse than the others when none is."""


@dataclass(frozen=True)
class Drivers:
    """What is recorded of a model's inputs: loss of quality when one is shuffled, and the sprint that was used."""

    importance: Mapping[str, float]
    measured_on: str

    @classmethod
    def recorded(cls, runtime: Runtime, champion: str) -> Drivers | None:
        """Those that were recorded when a model was trained; None for a model without a record."""
        for one in runtime.history("candidate").values():
            if one.facts.get("model_id") == champion and one.facts.get("importance"):
                return cls(one.facts["importance"], str(one.facts.get("tuned_on", "")))
        return None


def diagnose(runtime: Runtime, sprint: str, champion: str) -> Document:
    """The document of one sprint's issued predictions that have an answer."""
    from sprintline.learning.registry import Models
    from sprintline.learning.tasks import task_of

    release, task = runtime[Models].release(champion), task_of(runtime)
    lake = runtime[Lake]
    issued = lake.read(runtime.table("predictions"), [sprint])
    known = labels_of(runtime, [sprint])[["question_id", "label"]]
    asked = lake.read(runtime.table("question_features"), [sprint], ["question_id", *release.inputs.names])
    frame = issued.merge(known, on="question_id", validate="one_to_one").merge(
        asked, on="question_id", validate="one_to_one"
    )
    drivers = Drivers.recorded(runtime, champion)
    return document(task, frame, release.inputs, drivers, Showable.of(runtime), runtime.spec.model.label)


def document(
    task: Task, frame: pd.DataFrame, inputs: Inputs, drivers: Drivers | None, showable: Showable, label: str
) -> Document:
    """The document of some answered questions.

    Args:
        task: what kind of answers these are.
        frame: a row per question: `question_at`, the task's column, `naive`, the answer as `label`, and the inputs.
        inputs: of the model.
        drivers: its recorded importances, if any.
        showable: which columns may be shown.
        label: name of the answer's column.
    """
    sections = list(_driven(task, drivers))
    lack = _lack(task, frame)
    if lack:
        return Document("Diagnosis", (*sections, Section("Predictions and answers", (Paragraph(lack),))))
    frame = frame[task.usable(frame[task.column]) & frame["label"].notna()].reset_index(drop=True)
    answers, said, naive = (frame[one].to_numpy(dtype=float) for one in ("label", task.column, "naive"))
    error = task.residuals(answers, said)
    sections += task.sections(answers, said, naive) or (
        Section("Predictions and answers", (Paragraph(NO_PLOTS.format(task.name)),)),
    )
    if error is None:
        return Document("Diagnosis", tuple(sections))
    shown = [name for name in _ordered(inputs, drivers) if name in showable]
    categories = [name for name in inputs.categorical if name in shown]
    sections.append(_sliced(task, frame, shown, categories, answers, said, naive))
    sections.append(_worst(task, frame, shown, categories, answers, said, error, showable, label))
    sections += _by_input(task, frame, shown, categories, answers, said)
    if left_out := [name for name in inputs.names if name not in showable]:
        told = (
            f"A contract classifies columns as personal or confidential ({', '.join(sorted(showable.hidden))}). Inputs "
            f"that no contract declares may carry their values, so these are left out: {', '.join(left_out)}."
            if showable.known
            else "A contract of a source cannot be read, so no values of inputs are shown."
        )
        sections.append(Section("What is not shown", (Paragraph(told),)))
    return Document("Diagnosis", tuple(sections))


def _lack(task: Task, frame: pd.DataFrame) -> str | None:
    """Why predictions and answers cannot be compared row by row; None when they can."""
    import pandas as pd

    if frame.empty:
        return "No prediction of this sprint has an answer yet, so there is nothing to compare."
    read = ("label", task.column, "naive")
    if not all(one in frame and pd.api.types.is_numeric_dtype(frame[one]) for one in read):
        return NO_PLOTS.format(task.name)
    if not (task.usable(frame[task.column]) & frame["label"].notna()).any():
        return "No prediction of this sprint that has an answer can be compared with it: MO505 says why."
    return None


def _ordered(inputs: Inputs, drivers: Drivers | None) -> list[str]:
    """Inputs, the most important first."""
    weight = drivers.importance if drivers else {}
    return sorted(inputs.names, key=lambda name: -weight.get(name, 0.0))


def _form(task: Task) -> Form:
    return Form.SHARE if task.is_rate else Form.MEASURE


# --- what drove the scores -------------------------------------------------------------------------------------------


def _driven(task: Task, drivers: Drivers | None) -> Iterator[Section]:
    title = "What drives the model"
    if drivers is None:
        yield Section(
            title, (Paragraph("No importance of its inputs was recorded when this model was trained."),)
        )
        return
    ranked = sorted(drivers.importance.items(), key=lambda one: -one[1])
    largest = [one for one in ranked if one[1] >= LEAST_IMPORTANCE][:MOST_DRIVERS]
    quality = METRICS[task.quality].title
    told = f"Recorded when the model was trained: how much {quality} is lost when the values of one input are shuffled"
    told += f", measured on {drivers.measured_on}." if drivers.measured_on else "."
    if rest := len(ranked) - len(largest):
        told += f" {rest} more inputs lose less." if rest > 1 else " One more input loses less."
    ranking = Ranking(
        f"Importance: {quality} lost",
        tuple(name for name, _ in largest),
        {"importance": tuple(float(value) for _, value in largest)},
    )
    yield Section(title, (Paragraph(told), ranking))


def _by_input(
    task: Task, frame: pd.DataFrame, shown: Sequence[str], categories: Sequence[str], answers: Any, said: Any
) -> Iterator[Section]:
    """What was predicted and observed over the values of the most important inputs."""
    drawn: list[Part] = []
    for name in shown[:MOST_DRAWN]:
        groups = list(groups_of(frame, name, name in categories, parts=2 * PARTS))
        if len(groups) < 2:
            continue
        pair = {
            of: tuple(float(values[one.rows].mean()) for one in groups)
            for of, values in (("predicted", said), ("observed", answers))
        }
        if name in categories:
            drawn.append(Ranking(name, tuple(one.name for one in groups), pair, _form(task)))
        else:
            places = tuple(float(frame[name][one.rows].mean()) for one in groups)
            drawn.append(Curves(f"By {name}", name, places, pair, _form(task), Form.AUTO))
    if drawn:
        told = "Predicted and observed over the most important inputs; numbers are in parts of equally many rows."
        yield Section("Predictions by input", (Paragraph(told), *drawn))


# --- groups ----------------------------------------------------------------------------------------------------------


def _least(frame: pd.DataFrame) -> int:
    return max(LEAST_ROWS, len(frame) // 50)


def _sliced(
    task: Task, frame: pd.DataFrame, shown: Sequence[str], categories: Sequence[str], answers: Any, said: Any,
    naive: Any,
) -> Section:  # fmt: skip
    title, metric = "Quality by slice", METRICS[task.decides]
    columns = (categories or list(shown))[:MOST_SLICED]
    groups = [
        one for name in columns for one in groups_of(frame, name, name in categories, least=_least(frame))
    ]
    if not groups:
        return Section(
            title, (Paragraph(f"No slice that may be shown has {_least(frame)} answered questions."),)
        )
    import numpy as np

    groups.insert(0, Group("", "all", np.ones(len(frame), dtype=bool)))

    def quality(predictions: Any, one: Group) -> Value:
        return task.measure(answers[one.rows], predictions[one.rows]).get(metric.name)  # type: ignore[return-value]

    rows = tuple(
        (
            f"{one.column} {one.name}".strip(), int(one.rows.sum()), float(said[one.rows].mean()),
            float(answers[one.rows].mean()), quality(said, one), quality(naive, one),
        )
        for one in groups
    )  # fmt: skip
    form = _form(task)
    table = Table(
        (
            Column("slice"), Column("questions"), Column("predicted", form), Column("observed", form),
            Column(metric.short, Form.MEASURE), Column(f"{metric.short}, naive baseline", Form.MEASURE),
        ),
        rows,
    )  # fmt: skip
    told = (
        f"{metric.heading}: {metric.better}. Slices with fewer than {_least(frame)} questions are left out."
    )
    return Section(title, (Paragraph(told), table))


def _worst(
    task: Task, frame: pd.DataFrame, shown: Sequence[str], categories: Sequence[str], answers: Any, said: Any,
    error: Any, showable: Showable, label: str,
) -> Section:  # fmt: skip
    """The groups whose answers are farthest, on average, from their predictions, beyond chance."""
    title = "Worst-predicted groups"
    groups = [
        one for name in shown for one in groups_of(frame, name, name in categories, least=_least(frame))
        if one.rows.sum() < len(frame)
    ]  # fmt: skip
    if not groups:
        return Section(title, (Paragraph("There is no group of rows that may be shown."),))
    blocks, count = days_of(frame)
    # Bonferroni: among some hundred groups one would otherwise look worse by chance.
    errors = sure(FALSE_RATE / len(groups), count)
    ranked = sorted(
        ((least_gap(error[one.rows], blocks[one.rows], count, errors), one) for one in groups),
        key=lambda found: -found[0],
    )
    worst: list[Group] = []
    for gap, one in ranked:
        if gap <= 0 or len(worst) == MOST_WORST:
            break
        # The same rows under another name are no second group.
        if all(
            float((one.rows & other.rows).sum()) < 0.5 * min(one.rows.sum(), other.rows.sum())
            for other in worst
        ):
            worst.append(one)
    if not worst:
        told = (
            f"In none of {len(groups)} groups of at least {_least(frame)} rows do the answers differ from their "
            f"predictions beyond chance."
        )
        return Section(title, (Paragraph(told),))
    form = _form(task)
    parts: list[Part] = []
    told = f"Of {len(groups)} groups, those whose answers differ most from their predictions, beyond chance."
    parts.append(Paragraph(told))
    parts.append(
        Ranking(
            "Predicted and observed in these groups",
            tuple(f"{one.column} {one.name} ({int(one.rows.sum()):,} rows)" for one in worst),
            {
                of: tuple(float(values[one.rows].mean()) for one in worst)
                for of, values in (("predicted", said), ("observed", answers))
            },
            form,
        )
    )
    if label in showable.hidden:
        parts.append(
            Paragraph("No sample rows: the answer's column is classified as personal or confidential.")
        )
    else:
        parts += [_sample(task, frame, one, shown, answers, said, error, showable) for one in worst]
    return Section(title, tuple(parts))


def _sample(
    task: Task, frame: pd.DataFrame, group: Group, shown: Sequence[str], answers: Any, said: Any, error: Any,
    showable: Showable,
) -> Part:  # fmt: skip
    """The rows of a group that are farthest off in its own direction, with columns that may be shown only."""
    import numpy as np

    inside = np.flatnonzero(group.rows)
    direction = 1.0 if error[inside].mean() > 0 else -1.0
    chosen = inside[np.argsort(-direction * error[inside], kind="stable")[:MOST_SAMPLED]]
    names = list(dict.fromkeys([group.column, *shown]))[:MOST_COLUMNS]
    form = _form(task)
    moments = showable.moments
    columns = (
        Column("question" if moments else "row"), *(Column(name) for name in names), Column("predicted", form),
        Column("answer", Form.AUTO),
    )  # fmt: skip
    rows = tuple(
        (
            f"{frame['question_at'].iloc[place]:%Y-%m-%d %H:%M}" if moments else str(number),
            *(_plain(frame[name].iloc[place]) for name in names), float(said[place]), _plain(answers[place]),
        )
        for number, place in enumerate(chosen, 1)
    )  # fmt: skip
    return Table(columns, rows, folded=f"{group.column} {group.name}: {len(rows)} rows, the farthest off")


def _plain(value: Any) -> Value:
    """A cell's value as JSON has it: whole numbers without a fraction, null for what is missing."""
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, bool | str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return int(number) if number.is_integer() else number
