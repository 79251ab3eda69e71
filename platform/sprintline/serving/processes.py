"""The gateway beside the UI: `sprintline ui --with scoring`."""

from __future__ import annotations

import sys

from sprintline.mechanisms.process_table import Process, Start, answers
from sprintline.serving.gateway.commands import PORT

SCORING = "scoring"


def _scoring(start: Start) -> list[str]:
    port = str(start.ports[SCORING])
    return [sys.executable, "-W", "ignore", "-m", "sprintline.cli.main", "serve", "--port", port]


PROCESSES = (
    Process(
        SCORING, _scoring, where=("ui",), after=("daemon",), port=PORT, needed=False, on_request=True, patience=15,
        ready=lambda start: answers(start.ports[SCORING], "/healthz"),
    ),
)  # fmt: skip
