"""Reference page of the profiles: how large a fault has to be, and how often one is found that is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "profiles.json"
"""What `tools/simulate_profiles.py --write` keeps in docs/reference/."""


def profiles_page(root: Path) -> str | None:
    """The published simulation; None while none was kept."""
    file = root / "docs" / "reference" / FILE
    return page(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def page(result: Mapping[str, Any]) -> str:
    """The page of one simulation."""
    hits, judged = (sum(one[place] for one in result["false"].values()) for place in (0, 1))
    histories = sorted({cell["sprints"] for cell in result["cells"]})
    kinds = list(dict.fromkeys((cell["kind"], cell["unit"]) for cell in result["cells"]))
    by_place = {(cell["kind"], cell["sprints"]): _smallest(cell) for cell in result["cells"]}
    rows = [
        f"| {kind} | {unit} | " + " | ".join(by_place[kind, history] for history in histories) + " |"
        for kind, unit in kinds
    ]
    false = ", ".join(
        f"{found} of {total:,} with {history} or more" for history, (found, total) in result["false"].items()
    )
    return (
        "\n\n".join(
            [
                "# What the profiles of a source find",
                "[DQ106](../rules/DQ106.md) holds a sprint's sources against the sprints before "
                "([decision 88](../decisions/0088-profiles-of-sources.md)). This page says how large a fault has to be "
                "to be found in nine sprints of ten, and how often something is found that is not there.",
                "Simulated: invented sources of some 1,600 rows a sprint of 14 days, with weekdays, a season, four "
                f"groups, a column with a heavy tail and one that changes slowly; {result['trials']} faults of each "
                f"kind and size, seed {result['seed']}.",
                "## Size that is found in 90 %",
                "\n".join(
                    [
                        "| fault | size is | "
                        + " | ".join(f"{one} sprints before" for one in histories)
                        + " |",
                        "|---|---|" + "---|" * len(histories),
                        *rows,
                    ]
                ),
                "A dash: not even the largest size that was tried, the last of the row's sizes in `profiles.json`. The "
                "one group is *gamma*, with a fifth of the rows. Sources with more rows show smaller faults.",
                "## Found, and not there",
                f"{hits} of {judged:,} clean sprints of {result['products']} invented sources have a finding "
                f"({hits / judged:.2%}; by earlier sprints: {false}).",
                "In the real year of flights, 2013-S05 to 2013-S26, DQ106 finds nothing: 0 of 22 sprints, with some "
                "5,000 statistics compared in each. The first four are insufficient.",
                "Make it again: `.venv/bin/python tools/simulate_profiles.py --write` and `sprintline reference`.",
            ]
        )
        + "\n"
    )


def _smallest(cell: Mapping[str, Any]) -> str:
    from sprintline.profiles.simulation import smallest

    found = smallest(cell)
    return "–" if found is None else f"{found:g}" if cell["unit"] == "factor" else f"{found:.1%}"


SECTIONS = {"profiles.md": profiles_page}
