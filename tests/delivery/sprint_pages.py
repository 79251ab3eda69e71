"""A page of a sprint as it is after a closing, from invented figures: nothing is replayed for it."""

from __future__ import annotations

from tests.delivery.test_pages import detail
from tests.monitoring.test_diagnosis import REGRESSION, asked, of
from tests.monitoring.test_moved import INPUTS, drifted, rows

from sprintline.delivery.pages import sprint_document
from sprintline.mechanisms.reports.render import page
from sprintline.mechanisms.reports.report import report_named
from sprintline.monitoring.moved import document as moved

ERRORS = {"mae": 5.2, "rmse": 7.1, "r2": 0.8}


def regression_page() -> str:
    """Of a product that predicts numbers: everything that a closing keeps is there, and one group is off."""
    told = detail(
        [], metrics={**ERRORS, "naive": ERRORS, "twin": ERRORS}, mean_answer=51.2, positive_rate=None
    )
    told["kept"] = {
        "diagnosis": of(REGRESSION, asked(REGRESSION, worse=12.0)),
        "moved": moved(drifted(), ["temp", "carrier"], rows(), rows(8.0), INPUTS),
    }
    return page(report_named("sprint"), {"flights": sprint_document(told)}, "2013-S07")
