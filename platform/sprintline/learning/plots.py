"""Plots as Markdown: small SVGs inside Markdown, so that they need no server of their own.

Text stays text, and margins are given instead of searched for: a fifth of the time of a PNG that fits itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

INK, ACCENT, SECOND = "#1f2933", "#2f6fed", "#d9822b"


def _figure(
    title: str, width: float = 7.0, height: float = 3.2, left: float = 0.6, bottom: float = 0.5
) -> tuple[Any, Any]:
    """A figure and its axes; sizes and the margins for labels are inches."""
    # The object interface draws without pyplot, whose state is shared by the whole process.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(left / width, bottom / height, 1 - 0.15 / width, 1 - 0.35 / height)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    return figure, axes


def _markdown(figure: Any, told: str) -> str:
    import matplotlib as mpl

    target = io.BytesIO()
    # Without salt and date two drawings of the same figures would differ.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sprintline", "font.family": "sans-serif"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return f"![{told}](data:image/svg+xml;base64,{base64.b64encode(target.getvalue()).decode()})"


def by_sprint(means: Mapping[str, float], told: str, is_rate: bool) -> str:
    """The mean of the answers per sprint as a line: a rate (0 to 1), or a number."""
    figure, axes = _figure(
        f"Share that {told}, by sprint" if is_rate else f"Mean of {told}, by sprint", bottom=0.8
    )
    axes.plot(list(means), list(means.values()), marker="o", ms=3, color=ACCENT)
    if is_rate:
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.tick_params(axis="x", rotation=60)
    return _markdown(figure, "rate by sprint" if is_rate else "mean by sprint")


def predicted_observed(observed: pd.Series, predicted: pd.Series, sprint: str) -> str:
    """Observed answers (mean, and the middle 80 %) in ten groups of equally many predictions."""
    import numpy as np

    from sprintline.learning.metrics import of_groups

    answers, said = observed.to_numpy(dtype=float), predicted.to_numpy(dtype=float)
    groups = of_groups(said, 10)
    middle = [float(said[one].mean()) for one in groups]
    low, mean, high = (
        [float(of(answers[one])) for one in groups]
        for of in (lambda one: np.quantile(one, 0.1), np.mean, lambda one: np.quantile(one, 0.9))
    )
    figure, axes = _figure(f"Predicted and observed, {sprint}", width=4.2, height=3.6)
    axes.plot([min(middle), max(middle)], [min(middle), max(middle)], color="#9aa5b1", lw=1, ls="--")
    axes.vlines(middle, low, high, color=SECOND, lw=2, alpha=0.6)
    axes.plot(middle, mean, marker="o", ms=4, color=ACCENT)
    axes.set_xlabel("predicted, mean of a tenth of the rows", fontsize=8)
    axes.set_ylabel("observed: mean, and middle 80 %", fontsize=8)
    return _markdown(figure, "predicted and observed")


def calibration(label: pd.Series, chance: pd.Series, sprint: str) -> str:
    """Observed share against predicted chance in ten bins of equal size."""
    from sprintline.learning.metrics import calibration_table

    table = calibration_table(label, chance)
    figure, axes = _figure(f"Calibration, {sprint}", width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color="#9aa5b1", lw=1, ls="--")
    axes.plot(
        [row["predicted"] for row in table],
        [row["observed"] for row in table],
        marker="o",
        ms=4,
        color=ACCENT,
    )
    axes.set_xlabel("predicted chance", fontsize=8)
    axes.set_ylabel("observed share", fontsize=8)
    return _markdown(figure, "calibration")


def bars(values: Mapping[str, float], title: str, line: float | None = None, most: int = 20) -> str:
    """The largest values as horizontal bars, with a line where it begins to count."""
    largest = sorted(values.items(), key=lambda item: item[1])[-most:]
    longest = max((len(name) for name, _ in largest), default=0)
    figure, axes = _figure(title, height=0.8 + 0.22 * len(largest), left=0.3 + 0.07 * longest)
    colours = [SECOND if line is not None and value > line else ACCENT for _, value in largest]
    axes.barh([name for name, _ in largest], [value for _, value in largest], color=colours)
    if line is not None:
        axes.axvline(line, color=INK, lw=1, ls="--")
    return _markdown(figure, title)
