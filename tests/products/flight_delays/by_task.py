"""The year of flights under other tasks: the same questions, asked for minutes or for a class, beside naive forecasts.

    nice .venv/bin/python -m tests.products.flight_delays.by_task regression           some 15 minutes on two cores
    nice .venv/bin/python -m tests.products.flight_delays.by_task regression --write   kept in docs/benchmarks/

A copy of the clone gets the few lines that a team would change for the other question (`other_tasks.ASKED`). Its
sprints are replayed by `sprintline replay`: what is scored are the predictions that the champion of each moment
issued, against what happened. The naive forecasts use only what was known when each question was asked.
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
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.products.flight_delays.other_tasks import ASKED, EARLY, FORECASTS, PRODUCT, SEASON_DAYS, Asked

from sprintline.base.files import atomic_write
from sprintline.base.settings import Home
from sprintline.learning.metric_names import METRICS

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "docs" / "benchmarks" / "flights-by-task.json"
"""The published figures; the page beside it is written from them."""
PARTS = ("platform", "dbt_project", "feature_repo", "pyproject.toml", "requirements.lock", "workspace.yaml")
LIBRARIES = ("scikit-learn", "numpy", "onnxruntime", "dagster", "duckdb")
SPRINTS = 26


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
            raise SystemExit(f"{file} does not contain {old!r}: write its change in other_tasks.py again")
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
    clone, state = folder / "clone", folder / "state"
    if not clone.exists():
        make_clone(clone, task)
    replay(clone, state, sprints)
    return {
        "task": task,
        "at": datetime.now(UTC).date().isoformat(),
        "replayed": sprints,
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
        "`nice .venv/bin/python -m tests.products.flight_delays.by_task TASK --write` replays the year and writes "
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
