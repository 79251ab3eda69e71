"""The gateway runs beside the UI when it is asked for, and not otherwise."""

from __future__ import annotations

from dataclasses import replace

from sprintline.base.settings import Home
from sprintline.hosting.processes import PROCESSES as OWN
from sprintline.mechanisms.process_table import Start, planned
from sprintline.serving.processes import PROCESSES, SCORING


def test_it_is_off_unless_asked(tmp_path):
    start = Start(Home(tmp_path), "ui", tmp_path, tmp_path, {SCORING: 4711}, frozenset({SCORING}))
    table = (*OWN, *PROCESSES)
    (scoring,) = (one for one in planned(table, start) if one.name == SCORING)
    assert scoring.command(start)[-3:] == ["serve", "--port", "4711"] and not scoring.needed
    assert SCORING not in {one.name for one in planned(table, replace(start, asked=frozenset()))}
    assert SCORING not in {
        one.name for one in planned(table, replace(start, where="replay", asked=frozenset()))
    }
