"""Plots as Markdown: small SVGs inside Markdown, so that they need no server of their own.

Text stays text, and margins are given instead of searched for: a fifth of the time of a PNG that fits itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

INK, ACCENT, SECOND = "#1f2933", "#2f6fed", "#d9822b"
COLOURS = (ACCENT, SECOND, "#2a9d5b", "#b4457e", "#6b7280", "#8a63d2", "#0f8b8d", "#a36b00")


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


def by_sprint(lines: Mapping[str, Mapping[str, float]], title: str, share: bool) -> str:
    """What the answers of each sprint are like, a line for each name. share: whether these are shares (0 to 1)."""
    figure, axes = _figure(f"{title}, by sprint", bottom=0.8)
    for place, (name, values) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(list(values), list(values.values()), marker="o", ms=3, color=colour, label=name)
    if share:
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if len(lines) > 1:
        axes.legend(fontsize=8, frameon=False, ncols=4)
    axes.tick_params(axis="x", rotation=60)
    return _markdown(figure, "shares by sprint" if share else "mean by sprint")


def confusion(counts: ArrayLike, classes: Sequence[str], sprint: str) -> str:
    """How often each class came (rows) where each was the most probable (columns), as shares of the class."""
    import numpy as np

    found = np.asarray(counts, dtype=float)
    shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    longest = max(map(len, classes))
    side = 1.2 + 0.6 * len(classes)
    figure, axes = _figure(
        f"Observed and most probable class, {sprint}", max(4.2, side + 0.07 * longest), side + 0.4,
        left=0.5 + 0.07 * longest, bottom=0.4 + 0.07 * longest,
    )  # fmt: skip
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    for row, column in np.ndindex(shares.shape):
        colour = "white" if shares[row, column] > 0.5 else INK
        axes.text(
            column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=8, color=colour
        )
    return _markdown(figure, "observed and most probable class")


def coverage(levels: Sequence[float], below: Sequence[float], width: float, sprint: str) -> str:
    """Share of the answers below each predicted quantile, against its level. width: of the mean interval."""
    figure, axes = _figure(f"Coverage, {sprint}; mean interval {width:.4g}", width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color="#9aa5b1", lw=1, ls="--")
    axes.plot(levels, below, marker="o", ms=4, color=ACCENT)
    axes.set_xlabel("level of the quantile", fontsize=8)
    axes.set_ylabel("share of answers below it", fontsize=8)
    return _markdown(figure, "coverage of the quantiles")


def predicted_observed(observed: ArrayLike, predicted: ArrayLike, sprint: str) -> str:
    """Observed answers (mean, and the middle 80 %) in ten groups of equally many predictions."""
    import numpy as np

    from sprintline.learning.metrics import of_groups

    answers, said = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
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


def calibration(lines: Mapping[str, tuple[ArrayLike, ArrayLike]], sprint: str) -> str:
    """Observed share against predicted chance in ten bins of equal size, a line for each name: (0 or 1, chance)."""
    from sprintline.learning.metrics import calibration_table

    figure, axes = _figure(f"Calibration, {sprint}", width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color="#9aa5b1", lw=1, ls="--")
    for place, (name, (label, chance)) in enumerate(lines.items()):
        table = calibration_table(label, chance)
        axes.plot(
            [row["predicted"] for row in table],
            [row["observed"] for row in table],
            marker="o",
            ms=4,
            color=COLOURS[place % len(COLOURS)],
            label=name,
        )
    if len(lines) > 1:
        axes.legend(fontsize=8, frameon=False)
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
