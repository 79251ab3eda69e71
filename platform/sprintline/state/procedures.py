"""The procedures by which a product's state is removed: with its code, or to start again with it."""

from sprintline.mechanisms.procedures.declared import Procedure


def _removal(name: str, resume: str) -> Procedure:
    return Procedure(
        name,
        intended=f"the ledger holds the intent to {name} a product's state; all of it is still there and counts",
        steps={
            "records": f"nothing recorded of a product to {name} counts any more; alias, files and runs stay",
            "champion": f"MLflow's alias `champion` of a product to {name} is gone; files and runs stay",
            "folders": f"files, tables, features and pages of a product to {name} are gone; its runs stay",
            "runs": f"Dagster has forgotten the runs of a product to {name}; the step is not recorded as done",
        },
        ended=f"all state of a product to {name} is gone; the outcome is missing",
        resume=resume,
        repeats=True,
    )


REMOVE = _removal("remove", "sprintline remove {subject} --state")
# The same steps under a name of its own: what a person runs to go on must not remove the code.
RESET = _removal("reset", "sprintline reset {subject}")

PROCEDURES = (REMOVE, RESET)
