"""Reference pages: the promotion gate's interval, and the estimators that are served exactly or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sprintline.learning.enough import LEAST_OF_EITHER

FILE = "interval.json"
"""What `tools/simulate_interval.py --write` keeps in docs/reference/."""

NAMES = {"roc_auc": "ROC-AUC", "average_precision": "Average precision", "brier": "Brier score"}


def interval_page(root: Path) -> str | None:
    """The published simulation of the paired interval; None while none was kept."""
    file = root / "docs" / "reference" / FILE
    return page(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def page(result: Mapping[str, Any]) -> str:
    """The page of one simulation."""
    from sprintline.learning.interval_simulation import kind

    world, spells = result["world"], result["autocorrelation"]
    parts = [
        "# How sure a promotion is",
        "A candidate is promoted when the 95 % interval of its gain over the champion, on the same questions, lies "
        "above zero (ML405). The interval is a paired bootstrap of whole days, widened for the few days there are and "
        "for days that go together ([decision 81](../decisions/0081-an-interval-of-few-days.md)). This page says how "
        "often it is wrong.",
        f"Simulated: {result['sprints']:,} sprints of each kind, {world['rows']} questions a day, "
        f"{result['draws']:,} bootstrap draws, seed {result['seed']}. **Type I error**: share of sprints in which two "
        "equally good models are said to differ, 5 % where the interval is exact. **False gains**: the half of these "
        "that would promote, 2.5 % where it is exact. **Power**: share of sprints in which a true gain of the size "
        "given is seen. *Correlated*: the models' good and bad days come in spells, with this autocorrelation from "
        "one day to the next; the daily difference of the Brier score, which chance dilutes, then has "
        f"{_listed(spells)}.",
    ]
    for metric, name in NAMES.items():
        cells = [one for one in result["cells"] if one["metric"] == metric]
        rows = [
            f"| {one['days']} | {kind(one['spell'])} | {one['type_i']:.1%} | {one['false_gains']:.1%} | "
            f"{one['power']:.0%} of {abs(one['gain']):.3f} | {one['width']:.3f} |"
            for one in cells
        ]
        parts += [
            f"## {name}",
            "\n".join(
                [
                    "| days | kind | type I error | false gains | power, true gain | mean width |",
                    "|---|---|---|---|---|---|",
                    *rows,
                ]
            ),
        ]
    parts += [
        "## One question a day",
        "Where a row is a day, what can be lacking is rows of the rarer answer: ML408 compares no sprint with fewer "
        f"than {LEAST_OF_EITHER} of either, and a candidate that is not compared is not promoted. From so many on, no "
        "more of two equally good models are promoted than in sprints with many questions a day, so there is no other "
        "least number of rows. Some third of the answers are positive; the gain to be seen is that of a model which "
        "knows all that can be known. **Compared**: share of sprints with enough of either answer.",
        "\n".join(
            [
                "| days and rows | kind | compared | false gains | of those compared | power |",
                "|---|---|---|---|---|---|",
                *(
                    f"| {one['days']} | {kind(one['spell'])} | {one['compared']:.0%} | {one['false_gains']:.1%} | "
                    f"{one['false_gains_compared']:.1%} | {one['power']:.0%} |"
                    for one in result["one_a_day"]
                ),
            ]
        ),
        "## What it means",
        "- Of few days little is sure. A sprint of five days promotes only what is better by much; ties keep the "
        "champion, and the next sprint is another chance.\n"
        "- Days that go together are seen as far as the sprint is long enough to show them. A spell longer than the "
        "sprint cannot be seen in it, and the error above 5 % that is left is in the table.\n"
        "- The interval is symmetric in its errors: ML408 calls a slice worse, and MO506 a champion worse than the "
        "naive baseline, by the same one.",
        "Make it again: `make prove ARGS=interval` measures and holds the limits; "
        "`.venv/bin/python tools/simulate_interval.py --sprints 1000 --write` and `sprintline reference` publish.",
    ]
    return "\n\n".join(parts) + "\n"


def _listed(spells: Mapping[str, float]) -> str:
    told = [f"{value:.2f} at {float(spell):g}" for spell, value in spells.items() if float(spell)]
    return f"an autocorrelation of {' and '.join(told)}"


def estimators_page(root: Path) -> str:
    """What each exporter serves exactly, and what it refuses with the nearest that it serves."""
    from sprintline.learning.exporters import exporters

    parts = [
        "# Estimators and steps",
        "A model is served as ONNX: no pickle, no scikit-learn in the serving process. These estimators and steps are "
        "compared with their library in tests, on rows with nulls, categories that training did not have and extreme "
        "numbers. The largest difference is below 1e-5 of a probability, or of a number in standard deviations of "
        "what is predicted (ML402 holds the same on each candidate).",
        "`sprintline check PRODUCT` reports what is not served exactly before anything trains, with file and line: "
        "first by the tables below, then by a trial. The recipe is fitted on 300 invented rows, exported and compared. "
        "The trial is repeated when the product's code, the platform's export or the libraries change. What is in no "
        "table is tried as well: it may be used when the trial finds no difference.",
    ]
    for library, one in sorted(exporters().items()):
        served = [
            f"| {', '.join(entry.names)} | {entry.answers} | {entry.note} |"
            for entry in sorted(one.SUPPORTED, key=lambda entry: not entry.answers)
        ]
        refused = [
            f"| {', '.join(entry.names)} | {f'`{entry.shown}`' if entry.parameter else ''} | {entry.reason} | "
            f"{entry.instead} |"
            for entry in one.REFUSED
        ]
        parts += [
            f"## {library}",
            "\n".join(["| served exactly | answers | note |", "|---|---|---|", *served]),
            "\n".join(["| refused | parameter | why | nearest that works |", "|---|---|---|---|", *refused]),
        ]
    parts.append(
        'A classifier without probabilities is refused too; `CalibratedClassifierCV(..., method="sigmoid")` gives it '
        "some. Boosted trees of scikit-learn behind a scaler of encoded columns are refused: trees need no scaling."
    )
    return "\n\n".join(parts) + "\n"


SECTIONS = {"estimators.md": estimators_page, "promotion-interval.md": interval_page}
