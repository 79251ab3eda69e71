"""The procedure by which another model becomes champion."""

from sprintline.mechanisms.procedures.declared import Procedure

PROMOTE = Procedure(
    "promote",
    intended="the ledger holds the intent to promote; nothing is decided",
    steps={
        "decide": "the decision is in the ledger; the step is not recorded as done",
        "mirror": "MLflow's alias follows the decision; the step is not recorded as done",
    },
    ended="all steps of a promotion are done; its outcome is missing",
    resume="sprintline ui, or sprintline replay {product}: the sensors start the run of {sprint} again",
)

PROCEDURES = (PROMOTE,)
