"""Whether predictions themselves moved: the population stability index (PSI) of a sprint against the training data.

Yurdakul and Naranjo (2020), "Statistical properties of the population stability index". By convention 0.1 is a small
shift and 0.25 a large one; no rule judges it, because predictions may well move with a season.
"""

from __future__ import annotations

import numpy as np

from sprintline.learning.metric_functions import Floats

BINS = 10
LEAST_SHARE = 1e-4
"""A bin that is empty on one side would be infinitely far."""


def psi(before: Floats, after: Floats, classes: bool = False) -> float | None:
    """The sum of (q - p) log(q / p) over the bins; None where either side has no row.

    before, after: predictions (n,) and (m,), whose tenths of `before` are the bins; or, with `classes`, places of
    classes, a bin each.
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if not len(before) or not len(after):
        return None
    if classes:
        values = np.unique(np.concatenate([before, after]))
        places = [np.searchsorted(values, one) for one in (before, after)]
    else:
        edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
        values = np.arange(len(edges) + 1)
        places = [np.searchsorted(edges, one, side="left") for one in (before, after)]
    p, q = (np.maximum(np.bincount(one, minlength=len(values)) / len(one), LEAST_SHARE) for one in places)
    return float(((q - p) * np.log(q / p)).sum())
