"""How the predictions of a sprint compare with its answers, as sections of its page; each task chooses its own.

Pure: arrays of answers and predictions give sections; nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sprintline.learning.metric_functions import Floats
from sprintline.learning.metrics import calibration_table, of_groups
from sprintline.mechanisms.reports.document import Column, Curves, Form, Paragraph, Section, Table

GROUPS = 10
"""Groups of equally many predictions."""
THRESHOLDS = tuple(round(0.1 * n, 1) for n in range(1, 10))
"""Probabilities from which on a question would be acted on."""
LEAST = 20
"""Questions that a threshold selects, at least: the precision of fewer is chance."""
SHARES = (0.5, 0.8, 0.9, 0.95)
"""Shares of the answers for which a distance is given."""
STEPS = 25
"""Points of a curve of coverage."""
MOST_CLASSES = 4
"""Classes whose calibration is drawn, the most frequent ones."""


def calibration(answers: Floats, predictions: Floats) -> Section:
    """Observed shares in groups of equally many probabilities (n,) of answers (n,) that are 0 or 1."""
    said, seen = float(predictions.mean()), float(answers.mean())
    return Section(
        "Calibration",
        (
            Paragraph(
                f"On average {said:.1%} was predicted and {seen:.1%} observed. On the straight line the probabilities "
                f"are right; above it they are too low, below it too high."
            ),
            _observed("Observed share by predicted probability", answers, predictions),
        ),
    )


def _observed(title: str, answers: Floats, predictions: Floats) -> Curves:
    """Observed shares over predicted probabilities, in groups of equally many; answers (n,) are 0 or 1."""
    table = calibration_table(answers, predictions, GROUPS)
    return Curves(
        title,
        "predicted probability",
        tuple(row["predicted"] for row in table),
        {"observed": tuple(row["observed"] for row in table)},
        form=Form.SHARE,
        across_form=Form.SHARE,
        diagonal=True,
        from_zero=True,
    )


def thresholds(answers: Floats, predictions: Floats) -> Section:
    """Precision and recall (0 to 1) of acting on all questions from a probability (n,) on; answers (n,) are 0 or 1."""
    rows: list[tuple[float, int, float, float | None]] = []
    positives = float(answers.sum())
    for threshold in THRESHOLDS:
        above = predictions >= threshold
        if above.sum() >= LEAST:
            hits = float(answers[above].sum())
            recall = hits / positives if positives else None
            rows.append((threshold, int(above.sum()), hits / float(above.sum()), recall))
    if not rows:
        told = (
            f"Fewer than {LEAST} probabilities reach {THRESHOLDS[0]:.0%}, so there is no precision to show: the "
            f"highest is {predictions.max():.1%}."
        )
        return Section("Precision by threshold", (Paragraph(told),))
    return Section(
        "Precision by threshold",
        (
            Paragraph(
                f"What follows from acting on every question with at least this probability. Without a model, "
                f"precision is {answers.mean():.1%} at every threshold. A threshold has at least {LEAST} questions."
            ),
            Curves(
                "Precision and recall by threshold",
                "threshold",
                tuple(row[0] for row in rows),
                {"precision": tuple(row[2] for row in rows), "recall": tuple(row[3] for row in rows)},
                form=Form.SHARE,
                across_form=Form.SHARE,
                from_zero=True,
            ),
            Table(
                (
                    Column("threshold", Form.SHARE), Column("questions"), Column("precision", Form.SHARE),
                    Column("recall", Form.SHARE),
                ),
                tuple(rows),
            ),
        ),
    )  # fmt: skip


def residuals(answers: Floats, predictions: Floats) -> Section:
    """Quantiles of answers less predictions (both (n,), in the label's unit), by size of the prediction."""
    error = answers - predictions
    groups = of_groups(predictions, min(GROUPS, max(1, len(answers) // 30)))
    tenth, middle, ninth = (
        tuple(float(np.quantile(error[one], of)) for one in groups) for of in (0.1, 0.5, 0.9)
    )
    lean = float(error.mean())
    told = (
        f"{abs(lean):.3g} {'more' if lean > 0 else 'less'} than was predicted"
        if lean
        else "what was predicted"
    )
    return Section(
        "Residuals",
        (
            Paragraph(
                f"On average the answer is {told}. Between the outer lines are eight of ten answers; where the median "
                f"is above zero, predictions of that size are too low."
            ),
            Curves(
                "Residuals by size of the prediction",
                "predicted",
                tuple(float(predictions[one].mean()) for one in groups),
                {"median": middle, "lowest tenth": tenth, "highest tenth": ninth},
                across_form=Form.AUTO,
            ),
        ),
    )


def coverage(answers: Floats, predictions: Floats, naive: Floats) -> Section:
    """Shares of the answers (n,) within a distance, in the label's unit, of model and naive baseline (both (n,))."""
    off, naive_off = np.abs(answers - predictions), np.abs(answers - naive)
    reach = float(np.quantile(naive_off, SHARES[-1])) or float(off.max()) or 1.0
    places = np.linspace(0.0, reach, STEPS)
    return Section(
        "Coverage",
        (
            Paragraph("How near the answers are to their predictions: the share within a distance."),
            Curves(
                "Answers within a distance of the prediction",
                "distance",
                tuple(float(one) for one in places),
                {
                    "champion": tuple(float((off <= one).mean()) for one in places),
                    "naive": tuple(float((naive_off <= one).mean()) for one in places),
                },
                form=Form.SHARE,
                across_form=Form.AUTO,
                from_zero=True,
            ),
            Table(
                (
                    Column("share of answers", Form.SHARE), Column("within, champion", Form.MEASURE),
                    Column("within, naive baseline", Form.MEASURE),
                ),
                tuple(
                    (share, float(np.quantile(off, share)), float(np.quantile(naive_off, share)))
                    for share in SHARES
                ),
            ),
        ),
    )  # fmt: skip


def by_class(answers: Floats, predictions: Floats, classes: Sequence[str]) -> Section:
    """Probabilities (n, classes) of each class against how often it came; answers (n,) are places of classes."""
    said = predictions.argmax(axis=1)
    rows = []
    for place, name in enumerate(classes):
        came, most = answers == place, said == place
        hits = float((came & most).sum())
        rows.append((
            name, int(came.sum()), float(predictions[:, place].mean()), float(came.mean()),
            hits / float(most.sum()) if most.any() else None, hits / float(came.sum()) if came.any() else None,
        ))  # fmt: skip
    often = sorted(range(len(classes)), key=lambda place: -float((answers == place).sum()))[:MOST_CLASSES]
    drawn = [
        _observed(
            f"{classes[place]}: observed share by predicted probability",
            (answers == place).astype(np.float64),
            predictions[:, place],
        )
        for place in sorted(often)
    ]
    columns = (
        Column("class"), Column("questions"), Column("predicted", Form.SHARE), Column("observed", Form.SHARE),
        Column("precision", Form.SHARE), Column("recall", Form.SHARE),
    )  # fmt: skip
    told = (
        "The mean probability of each class beside how often it came. Precision and recall take each question as its "
        "most probable class."
    )
    return Section("Calibration by class", (Paragraph(told), Table(columns, tuple(rows)), *drawn))


def confused(answers: Floats, predictions: Floats, classes: Sequence[str]) -> Section:
    """How often each class (answers (n,) are their places) was taken for each; predictions (n, classes)."""
    said = predictions.argmax(axis=1)
    rows = []
    for place, name in enumerate(classes):
        came = answers == place
        share = [float((said[came] == one).mean()) if came.any() else None for one in range(len(classes))]
        rows.append((name, int(came.sum()), *share))
    columns = (Column("came"), Column("questions"), *(Column(f"said {one}", Form.SHARE) for one in classes))
    told = "Of the questions of each class, the share for which each class was the most probable."
    return Section("What was taken for what", (Paragraph(told), Table(columns, tuple(rows))))


def levels(answers: Floats, predictions: Floats, naive: Floats, of: Sequence[float]) -> Section:
    """Shares of the answers (n,) below each quantile; predictions and naive are (n, levels), in the label's unit."""
    below = [float((answers <= predictions[:, place]).mean()) for place in range(len(of))]
    rows = []
    for name, one in (("champion", predictions), ("naive baseline", naive)):
        inside = float(((answers >= one[:, 0]) & (answers <= one[:, -1])).mean())
        rows.append((name, inside, float((one[:, -1] - one[:, 0]).mean())))
    columns = (
        Column("interval of"),
        Column("answers inside", Form.SHARE),
        Column("mean width", Form.MEASURE),
    )
    told = (
        f"Between the lowest and the highest quantile {of[-1] - of[0]:.0%} of the answers should lie. Of two intervals "
        f"that hold as many, the narrower one says more."
    )
    return Section(
        "Coverage",
        (
            Paragraph(told),
            Table(columns, tuple(rows)),
            Curves(
                "Share of the answers below each quantile",
                "level of the quantile",
                tuple(of),
                {"observed": tuple(below)},
                form=Form.SHARE,
                across_form=Form.SHARE,
                diagonal=True,
                from_zero=True,
            ),
        ),
    )
