"""The procedure by which a product's state is removed."""

from sprintline.mechanisms.procedures.declared import Procedure

REMOVE = Procedure(
    "remove",
    intended="the ledger holds the intent to remove a product's state; all of it is still there and counts",
    steps={
        "records": "nothing recorded of the product counts any more; alias, files and runs are still there",
        "champion": "MLflow's alias `champion` is gone; files and runs are still there",
        "folders": "the product's files, tables, features and pages are gone; Dagster still has its runs",
        "runs": "Dagster has forgotten the product's runs; the step is not recorded as done",
    },
    ended="all of a product's state is removed; the outcome is missing",
    resume="sprintline remove {subject} --state",
    repeats=True,
)

PROCEDURES = (REMOVE,)
