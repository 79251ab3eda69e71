"""The year of flights under other tasks: the same questions, asked for minutes or for a class, beside naive forecasts.

    nice .venv/bin/python tests/products/flight_delays/by_task.py regression           some 15 minutes on two cores
    nice .venv/bin/python tests/products/flight_delays/by_task.py regression --write   kept in docs/benchmarks/

A copy of the clone gets the few lines that a team would change for the other question (`ASKED`). Its sprints are
replayed by `sprintline replay`: what is scored are the predictions that the champion of each moment issued, against
what happened. The naive forecasts use only what was known when each question was asked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.files import atomic_write
from sprintline.base.settings import Home
from sprintline.learning.metric_names import METRICS

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "docs" / "benchmarks" / "flights-by-task.json"
"""The published figures; the page beside it is written from them."""
PRODUCT = "flight_delays"
PARTS = ("platform", "dbt_project", "feature_repo", "pyproject.toml", "requirements.lock", "workspace.yaml")
LIBRARIES = ("scikit-learn", "numpy", "onnxruntime", "dagster", "duckdb")
SPRINTS = 26
SEASON_DAYS = 7

CLASSES = ("early", "on time", "late", "cancelled")

DEFS = f"platform/products/{PRODUCT}/defs.yaml"
MODEL = f"platform/products/{PRODUCT}/model.py"
OUTCOMES = f"dbt_project/models/{PRODUCT}/marts/outcomes"

Change = tuple[str, str, str]
"""A file, a text in it (empty: all of it), and what takes its place."""


@dataclass(frozen=True)
class Asked:
    """The flights under another task.

    title: of its part of the page. label: column of the outcomes. means: what it is, with its unit.
    changes: what a team changes for it, beside `EARLY`. figures: those of each forecast, from the rows to score and the
        rows of the sprints before. columns: their names, the one that decides first. notes: paragraphs of the page.
    """

    title: str
    label: str
    means: str
    changes: tuple[Change, ...]
    figures: Callable[[pd.DataFrame, pd.DataFrame], dict[str, dict[str, float]]]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


EARLY: tuple[Change, ...] = (
    # The first champion after four fortnights, so that a test of five meets one. After three, the interval of its gain
    # over the group baseline holds zero.
    (DEFS, "bootstrap_after: 6", "bootstrap_after: 4"),
    # More than the binary model needs: this runs beside other work, and a budget that is used up fails a candidate.
    (DEFS, "time_budget_seconds: 180", "time_budget_seconds: 1800"),
)


def minutes(rows: pd.DataFrame, before: pd.DataFrame) -> dict[str, dict[str, float]]:
    """MAE, RMSE, R² and MASE of each forecast.

    MASE divides by the mean absolute error of the seasonal naive forecast in the sprints before (Hyndman and Koehler,
    International Journal of Forecasting 22, 2006): 1 is as good as that was.
    """
    from sprintline.learning.metrics import measured

    past = before.dropna(subset=["seasonal"])
    scale = float((past["answer"] - past["seasonal"]).abs().mean())
    found = {}
    for name in FORECASTS:
        predictions = rows[name].astype(float).fillna(rows["naive"].astype(float))
        one = measured(rows["answer"].astype(float), predictions, ("mae", "rmse", "r2"))
        found[name] = {**one, "mase": one["mae"] / scale}
    return found


def classes(rows: pd.DataFrame, _before: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Metrics of the probabilities; of a forecast that is one class for certain, the one that says something of it."""
    import numpy as np

    from sprintline.learning.tasks import tasks

    task = tasks()["multiclass"].given({"classes": CLASSES})
    answers, group = task.coded(rows["answer"]).to_numpy(), task.of(rows, "naive")
    stems = {"prediction": task.column, "twin": "twin", "naive": "naive"}
    found = {name: dict(task.measure(answers, task.of(rows, stem))) for name, stem in stems.items()}
    for name in ("last", "seasonal"):
        there = rows[name].notna().to_numpy()
        certain = group.copy()
        certain[there] = np.eye(len(CLASSES))[task.coded(rows[name][there]).to_numpy(dtype=int)]
        figures = task.measure(answers, certain)
        found[name] = {"f1_macro": figures["f1_macro"]}
    return found


FORECASTS = {
    "prediction": "model",
    "twin": "twin",
    "naive": "group",
    "last": "last value",
    "seasonal": "seasonal naive",
}

_ARRIVAL = """\
    case
        when cancelled then 'cancelled'
        when arrival_delay_minutes <= -15 then 'early'
        when arrival_delay_minutes >= 15 then 'late'
        else 'on time'
    end as arrival,
"""
_KNOWN = "    case when cancelled then departure_known_at else arrival_known_at end as known_at\n"
_OUTCOMES = """\
version: 2

models:
  - name: outcomes
    description: >-
      How each flight ended, as soon as it is known. Grain: one row per flight that arrived or was cancelled; a diverted
      one has no outcome.
    data_tests:
      - not_null_columns:
          arguments:
            columns: [question_id, sprint, arrival, known_at]
          config:
            meta: {rule: DQ202}
    columns:
      - name: question_id
        data_type: string
        description: The question, as in questions.
        data_tests:
          - unique:
              config:
                meta: {rule: DQ201}
          - relationships:
              arguments:
                to: ref("questions")
                field: question_id
              config:
                meta: {rule: DQ203}
      - name: sprint
        data_type: string
        description: Sprint in which the flight was scheduled to depart; the partition.
      - name: arrival
        data_type: string
        description: early, on time, late or cancelled; the label.
      - name: known_at
        data_type: timestamptz
        description: "Moment of the arrival, or at which a flight was known not to have left, UTC."
"""

ASKED: dict[str, Asked] = {
    "regression": Asked(
        title="Minutes: regression",
        label="arrival_delay_minutes",
        means="minutes from scheduled to actual arrival, negative when early",
        changes=(
            (DEFS, "label: late", "label: arrival_delay_minutes\n    task: regression"),
            (
                DEFS,
                "positive: arrives more than 15 minutes late",
                "positive: minutes from scheduled to actual arrival, negative when early",
            ),
            (MODEL, "HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
            (MODEL, "BOOSTING = {", 'BOOSTING = {\n    "loss": "absolute_error",'),
            (
                MODEL,
                'TWIN = {"C": 1.0, "max_iter": 500}',
                'TWIN = {"loss": "epsilon_insensitive", "epsilon": 0.0}',
            ),
            (MODEL, "LogisticRegression", "SGDRegressor"),
        ),
        figures=minutes,
        columns=("mae", "rmse", "r2", "mase"),
        notes=(
            "MAE and RMSE in minutes. MASE is the MAE as a multiple of that which the seasonal naive forecast had in "
            "the sprints before (Hyndman and Koehler, 2006). The model and its twin are fitted to the absolute error, "
            "and so is the median: RMSE and R² are not what they aim at.",
            "Not measured: the coverage of an interval, because this task issues one number. A flight that was "
            "cancelled or diverted has no delay and is in no figure.",
        ),
    ),
    "multiclass": Asked(
        title="Early, on time, late or cancelled: multi-class",
        label="arrival",
        means="early (15 minutes or more before schedule), late (15 or more after it), on time (between) or cancelled",
        changes=(
            (
                DEFS,
                "label: late",
                f"label: arrival\n    task: multiclass\n    classes: [{', '.join(CLASSES)}]",
            ),
            (DEFS, "positive: arrives more than 15 minutes late", "positive: how a flight ends"),
            (
                OUTCOMES + ".sql",
                "    arrival_delay_minutes > 15 as late,\n    arrival_delay_minutes,\n",
                _ARRIVAL,
            ),
            (OUTCOMES + ".sql", "    arrival_known_at as known_at\n", _KNOWN),
            (OUTCOMES + ".sql", "where arrived\n", "where arrived or cancelled\n"),
            (OUTCOMES + ".yml", "", _OUTCOMES),
        ),
        figures=classes,
        columns=("log_loss", "roc_auc_ovr", "f1_macro"),
        notes=(
            "The last value and the seasonal naive forecast are one class for certain: their log loss is infinite as "
            "soon as they are wrong once, and they rank nothing, so only the macro F1 is shown of them.",
            "A cancelled flight is known to be cancelled twelve hours after its schedule. Of a diverted one nothing is "
            "said, and it is in no figure.",
        ),
    ),
}


# --- the replay -------------------------------------------------------------------------------------------------------


def make_clone(root: Path, task: str) -> Path:
    """A copy of the clone with the flights as its only product, changed for a task."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part,
                root / part,
                ignore=shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info"),
            )
        else:
            shutil.copy(ROOT / part, root / part)
    for file, old, new in (*EARLY, *ASKED[task].changes):
        text = (root / file).read_text(encoding="utf-8")
        if old not in text:
            raise SystemExit(
                f"{file} does not contain {old!r}: write its change in {Path(__file__).name} again"
            )
        (root / file).write_text(text.replace(old or text, new), encoding="utf-8")
    return root


def environment(clone: Path, state: Path) -> dict[str, str]:
    """The environment of commands in a clone, on a state folder of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPRINTLINE_", "DAGSTER_")) or name == "SPRINTLINE_KEYS"
    }
    own = {
        "PYTHONPATH": str(clone / "platform"),
        "SPRINTLINE_HOME": str(state),
        "DAGSTER_HOME": str(state / "dagster"),
    }
    return {"SPRINTLINE_KEYS": str(clone / "keys"), **kept, **own}


def replay(clone: Path, state: Path, sprints: int) -> None:
    """The first sprints, from nothing. Ends with what the replay printed where it fails."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "sprintline.cli.main", "replay", PRODUCT, "--sprints", str(sprints)],
        cwd=clone, env=environment(clone, state), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(
            f"the replay ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )


# --- the figures ------------------------------------------------------------------------------------------------------


def answered(state: Path, label: str) -> pd.DataFrame:
    """A row per question with an outcome: its sprint, its answer, the predictions that were issued, naive forecasts.

    last: the answer of the same flight number on the same route that was known last when the question was asked.
    seasonal: that of a week before. Both are null where there is none, and so are predictions.
    """
    import duckdb

    from sprintline.lake.tables import Lake

    home = Home(state)
    with duckdb.connect(str(home.warehouse_file(PRODUCT)), read_only=True) as connection:
        connection.execute("set timezone = 'America/New_York'")
        rows = connection.execute(_ANSWERED.format(label=label, season=SEASON_DAYS)).df()
    lake, table = Lake(home.lake), f"{PRODUCT}/predictions"
    issued = lake.read(table, lake.sprints(table))
    given = [one for one in issued if one not in (*rows, "question_at", "event_at", "known_at")]
    return rows.merge(issued[["question_id", *given]], on="question_id", how="left")


_ANSWERED = """
with known as (
    select
        questions.question_id, questions.sprint, questions.question_at, outcomes.known_at,
        questions.carrier, questions.flight, questions.origin, questions.destination,
        cast(questions.event_at as date) as day,
        outcomes.{label} as answer
    from marts.questions as questions
    inner join marts.outcomes as outcomes on questions.question_id = outcomes.question_id
),

weekly as (
    select carrier, flight, origin, destination, day, max(known_at) as known_at, arg_max(answer, known_at) as answer
    from known
    group by all
)

select known.question_id, known.sprint, known.answer, latest.answer as last, before.answer as seasonal
from known
asof left join known as latest
    on
        known.carrier = latest.carrier
        and known.flight = latest.flight
        and known.origin = latest.origin
        and known.destination = latest.destination
        and known.question_at >= latest.known_at
left join weekly as before
    on
        known.carrier = before.carrier
        and known.flight = before.flight
        and known.origin = before.origin
        and known.destination = before.destination
        and known.day = before.day + {season}
        and before.known_at <= known.question_at
order by known.question_id
"""


def figures(state: Path, task: str) -> dict[str, Any]:
    """By sprint with issued predictions: rows, the model, and each forecast's figures."""
    asked = ASKED[task]
    rows = answered(state, asked.label)
    found = {}
    for sprint in sorted(rows["sprint"].unique()):
        own = rows[(rows["sprint"] == sprint) & rows["model_id"].notna()]
        if len(own):
            scores = asked.figures(own, rows[rows["sprint"] < sprint])
            found[sprint] = {
                "rows": len(own),
                "models": sorted(own["model_id"].unique()),
                "without": {name: int(own[name].isna().sum()) for name in ("last", "seasonal")},
                "figures": {
                    name: {key: round(value, 6) for key, value in one.items()} for name, one in scores.items()
                },
            }
    return found


def measured_year(task: str, sprints: int, folder: Path) -> dict[str, Any]:
    """Replay in a folder, and what came of it. Sprints that are closed there already are not closed again."""
    clone, state, begun = folder / "clone", folder / "state", time.monotonic()
    if not clone.exists():
        make_clone(clone, task)
    replay(clone, state, sprints)
    return {
        "task": task,
        "at": datetime.now(UTC).date().isoformat(),
        "replayed": sprints,
        "seconds": round(time.monotonic() - begun),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.machine(),
        },
        "versions": {name: version(name) for name in LIBRARIES},
        "sprints": figures(state, task),
    }


# --- the page ---------------------------------------------------------------------------------------------------------


def page(results: Mapping[str, dict[str, Any]]) -> str:
    """What was measured, as Markdown."""
    parts = [
        "<!-- Written by tests/products/flight_delays/by_task.py; change that, not this page. -->",
        "# The year of flights under other tasks",
        "The questions of the sample product [flight_delays](../../README.md) are asked again, for another answer. A "
        "copy of the clone gets the few lines that a team would change, and its sprints are replayed: each prediction "
        "was issued by the champion from before its sprint. The first champion learns from three sprints and is "
        "judged on the fourth, so the fifth is the first that is scored.",
        "Beside it: the **twin**, which is linear; the **group** baseline, a figure per carrier and scheduled hour of "
        "the sprints that the champion learned from; the **last value**, how the same flight number of the carrier on "
        "the same route last turned out, as known three hours before departure; and the **seasonal naive** forecast, "
        "how it turned out a week before. Where there is no such flight, the group baseline answers for it.",
        *(part for task, result in results.items() for part in _section(ASKED[task], result)),
        *(f"## {one.title}\n\nNot measured yet." for task, one in ASKED.items() if task not in results),
        "## Again",
        "`nice .venv/bin/python tests/products/flight_delays/by_task.py TASK --write` replays the year and writes "
        "this page and `flights-by-task.json`, which has all figures of every forecast. A test replays five sprints "
        "of each task and compares.",
    ]
    return "\n\n".join(parts) + "\n"


def _section(asked: Asked, result: Mapping[str, Any]) -> list[str]:
    sprints, decides = result["sprints"], asked.columns[0]
    loss = METRICS[decides].loss
    others = {key: title for key, title in FORECASTS.items() if key != "prediction"}
    title = {name: METRICS[name].short if name in METRICS else name.upper() for name in asked.columns}
    rows = [
        [
            sprint,
            f"{one['rows']:,}",
            *(_shown(one["figures"]["prediction"], name) for name in asked.columns),
            *(_shown(one["figures"][key], decides) for key in others),
        ]
        for sprint, one in sprints.items()
    ]
    total = sum(one["rows"] for one in sprints.values())
    mean = {
        key: {
            name: sum(one["rows"] * one["figures"][key][name] for one in sprints.values()) / total
            for name in asked.columns
            if all(name in one["figures"][key] for one in sprints.values())
        }
        for key in FORECASTS
    }
    better = {
        key: sum(
            (one["figures"]["prediction"][decides] < one["figures"][key][decides]) == loss
            for one in sprints.values()
            if decides in one["figures"][key]
        )
        for key in others
        if decides in mean[key]
    }
    models = list(dict.fromkeys(model for one in sprints.values() for model in one["models"]))
    return [
        f"## {asked.title}",
        f"The answer is `{asked.label}`: {asked.means}. Replayed: the first {result['replayed']} of the year's "
        f"{SPRINTS} sprints. {total:,} predictions of {len(sprints)} sprints, by "
        f"{len(models)} champion{'s' if len(models) > 1 else ''}. By {title[decides]} the model is better than "
        + ", ".join(
            f"the {others[key]} in {count} of {len(sprints)} sprints" for key, count in better.items()
        )
        + ".",
        "Mean of the sprints, each with the weight of its rows:",
        _table(
            ["forecast", *title.values()],
            [[name, *(_shown(mean[key], one) for one in asked.columns)] for key, name in FORECASTS.items()],
        ),
        f"By sprint: all figures of the model, then {title[decides]} of the others.",
        _table(["sprint", "rows", *title.values(), *others.values()], rows),
        *asked.notes,
        f"{result['at']}, {result['machine']['cores']} cores, Python {result['machine']['python']}, "
        + ", ".join(f"{name} {number}" for name, number in result["versions"].items())
        + ".",
    ]


def _shown(figures: Mapping[str, float], name: str) -> str:
    return f"{figures[name]:.3f}" if name in figures else "–"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    left = sum(head in ("sprint", "forecast") for head in heads)
    lines = [heads, ["---"] * left + ["---:"] * (len(heads) - left), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Replay a task, print its part of the page, and keep it where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=sorted(ASKED))
    parser.add_argument("--sprints", type=int, default=SPRINTS)
    parser.add_argument("--write", action="store_true", help=f"keep the result in {OUT.relative_to(ROOT)}")
    parser.add_argument("--folder", type=Path, help="where clone and state are kept; without it nothing is")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sprintline-by-task-") as folder:
        result = measured_year(chosen.task, chosen.sprints, chosen.folder or Path(folder))
    print("\n\n".join(_section(ASKED[chosen.task], result)))
    if chosen.write:
        results = (json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}) | {
            chosen.task: result
        }
        atomic_write(OUT, json.dumps(dict(sorted(results.items())), indent=1) + "\n")
        atomic_write(OUT.with_suffix(".md"), page(dict(sorted(results.items()))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
