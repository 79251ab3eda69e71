"""Failpoints: named places where a crash could leave something half done, and where a test makes one happen.

`SPRINTLINE_FAILPOINT=lake.after_commit` kills the process at that place with SIGKILL, as a power cut or the kernel's
memory killer would: nothing is flushed, no `finally` runs. `lake.after_commit:2` waits for the second passing. Unset,
a failpoint costs a look into the environment.

Here is the mechanism only. A subject declares its failpoints in its `failpoints.py`; those of a procedure follow from
its steps (`mechanisms/procedures/declared.py`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

VARIABLE = "SPRINTLINE_FAILPOINT"

_declared: Callable[[], Mapping[str, str]] = dict
_passed: dict[str, int] = {}


class FailpointError(ValueError):
    """`SPRINTLINE_FAILPOINT` names nothing that can be passed."""


def declared_by(names: Callable[[], Mapping[str, str]]) -> None:
    """Let `armed` look names up here. The function is called only when the variable is set.

    Declarations lie above this folder, so the package registers them when it is imported.
    """
    global _declared
    _declared = names


def armed() -> tuple[str, int] | None:
    """The failpoint at which this process is to be killed and at which passing; None when there is none.

    Raises:
        FailpointError: the variable names no failpoint, or its number is none.
    """
    said = os.environ.get(VARIABLE)
    if not said:
        return None
    name, colon, number = said.partition(":")
    if name not in _declared():
        raise FailpointError(
            f"{VARIABLE}={said}: there is no failpoint {name!r}; see `sprintline failpoints`"
        )
    if colon and (not number.isdigit() or number == "0"):
        raise FailpointError(f"{VARIABLE}={said}: write {name}:2 for the second passing")
    return name, int(number or 1)


def failpoint(name: str) -> None:
    """Pass a failpoint: the process is killed here if the environment says so, and otherwise goes on.

    Raises:
        FailpointError: see `armed`; raised at the first failpoint that is passed, whichever it is.
    """
    if VARIABLE not in os.environ or (chosen := armed()) is None or chosen[0] != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == chosen[1]:
        os.kill(os.getpid(), signal.SIGKILL)
