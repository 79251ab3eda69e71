"""The procedures by which a product's state is removed: with its code, or to start again with it."""

from sprintline.mechanisms.procedures.declared import Procedure


def _removal(name: str, resume: str) -> Procedure:
    return Procedure(
        name,
        intended="the ledger holds the intent to remove a product's state; all of it is still there and counts",
        steps={
            "records": "nothing recorded of the product counts any more; alias, files and runs are still there",
            "champion": "MLflow's alias `champion` is gone; files and runs are still there",
            "folders": "the product's files, tables, features and pages are gone; Dagster still has its runs",
            "runs": "Dagster has forgotten the product's runs; the step is not recorded as done",
        },
        ended="all of a product's state is removed; the outcome is missing",
        resume=resume,
        repeats=True,
    )


REMOVE = _removal("remove", "sprintline remove {subject} --state")
# The same steps under a name of its own: what a person runs to go on must not remove the code.
RESET = _removal("reset", "sprintline reset {subject}")

PROCEDURES = (REMOVE, RESET)
