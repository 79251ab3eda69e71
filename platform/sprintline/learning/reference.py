"""Reference page of the promotion gate's interval: how often it is wrong, how often it sees a gain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


SECTIONS = {"promotion-interval.md": interval_page}
