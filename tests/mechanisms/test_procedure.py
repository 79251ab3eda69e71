"""A procedure killed or failing anywhere completes, goes on, or is undone; its ledger tells which, once."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from sprintline.base.failpoints import VARIABLE
from sprintline.mechanisms.procedures import procedure as procedures
from sprintline.mechanisms.procedures.declared import Procedure, ProcedureError
from sprintline.mechanisms.procedures.events import KINDS, OUTCOME
from sprintline.mechanisms.procedures.procedure import Step, carry_out

pytestmark = pytest.mark.fault

MOVE = Procedure("move", intended="a", steps={"one": "b", "two": "c"}, ended="d", resume="move {subject}")


class Rooms:
    """What a procedure changes: marks made by its steps, in files, so that a kill leaves them."""

    def __init__(self, folder) -> None:
        self.folder = folder
        folder.mkdir()

    def step(self, name: str, *, undoable: bool = True, fails: bool = False) -> Step:
        def do(meant) -> None:
            (self.folder / name).write_text(meant["what"])
            if fails:
                raise OSError(28, "No space left on device")

        def undo(_) -> None:
            (self.folder / name).unlink(missing_ok=True)

        return Step(name, do, undo if undoable else None)

    @property
    def marks(self) -> list[str]:
        return sorted(file.name for file in self.folder.iterdir())


@pytest.fixture
def rooms(tmp_path):
    return Rooms(tmp_path / "rooms")


def carried(flights, *steps: Step, meant=("this",), still_meant=lambda _: None, procedure=MOVE):
    meant = {"what": meant[0]} if meant else None
    return carry_out(flights, procedure, "it", None, "test", steps, meant, still_meant)


def told(flights) -> list[str]:
    found = [event for event in flights.records.events(product=flights.product) if event.kind in KINDS]
    return [event.body.get("done") or event.body.get("outcome") or event.kind for event in found]


@pytest.fixture(autouse=True)
def points(monkeypatch):
    monkeypatch.setattr("sprintline.base.failpoints._declared", lambda: MOVE.failpoints)


def test_carried_out_once(flights, rooms):
    steps = rooms.step("one"), rooms.step("two")
    assert carried(flights, *steps) == carried(flights, *steps, meant=("other",)) == {"what": "this"}
    assert told(flights) == ["intent", "one", "two", "done"]
    assert rooms.marks == ["one", "two"]


def test_its_failpoints_follow_from_its_steps():
    assert MOVE.failpoints == {"move.intended": "a", "move.one": "b", "move.two": "c", "move.ended": "d"}


@pytest.mark.parametrize(("name", "steps"), [("Move", {"one": ""}), ("move", {"ended": ""}), ("move", {})])
def test_a_declaration_whose_failpoints_could_not_be_passed_is_refused(name, steps):
    with pytest.raises(ProcedureError, match=f"procedure {name}"):
        Procedure(name, intended="", steps=steps, ended="", resume="")


@pytest.mark.parametrize("names", [("one",), ("two", "one"), ("one", "two", "three"), ()])
def test_steps_that_are_not_the_declared_ones_are_refused_before_anything_happens(flights, rooms, names):
    with pytest.raises(ProcedureError, match="procedure move declares the steps one, two, and is given"):
        carried(flights, *(rooms.step(name) for name in names))
    assert (told(flights), rooms.marks) == ([], [])


def test_one_begun_under_other_steps_is_refused_and_one_that_ended_is_not(flights, rooms):
    earlier = replace(MOVE, steps={"zero": "", "one": "", "two": ""})
    steps = [rooms.step(name, undoable=False) for name in earlier.steps]
    with pytest.raises(OSError, match="No space left"):
        carried(flights, *steps[:2], rooms.step("two", fails=True), procedure=earlier)
    with pytest.raises(ProcedureError, match="by another version of the platform: it did zero, one"):
        carried(flights, *steps[1:])
    carried(flights, *steps, procedure=earlier)
    assert carried(flights, *steps[1:]) == {"what": "this"}
    assert told(flights) == ["intent", "zero", "one", "two", "done"]


def test_one_that_repeats_is_carried_out_again_after_it_was_done(flights, rooms):
    again = replace(MOVE, repeats=True)
    for what in ("this", "that"):
        assert carried(flights, rooms.step("one"), rooms.step("two"), meant=(what,), procedure=again) == {
            "what": what
        }
    assert told(flights) == ["intent", "one", "two", "done"] * 2


@pytest.mark.parametrize("point", MOVE.failpoints)
def test_killed_anywhere_it_goes_on_with_what_was_meant(flights, rooms, point):
    steps = rooms.step("one"), rooms.step("two", undoable=False)
    child = os.fork()
    if child == 0:
        os.environ[VARIABLE] = point
        carried(flights, *steps)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert "done" not in told(flights)
    assert carried(flights, *steps, meant=("other",)) == {"what": "this"}
    assert told(flights) == ["intent", "one", "two", "done"]
    assert {(rooms.folder / mark).read_text() for mark in rooms.marks} == {"this"}
    assert flights.records.verify().ok


def test_a_step_that_fails_takes_all_back_and_the_next_call_begins_anew(flights, rooms):
    with pytest.raises(OSError, match="No space left"):
        carried(flights, rooms.step("one"), rooms.step("two", fails=True))
    assert (rooms.marks, told(flights)) == ([], ["intent", "one", "undone"])
    outcome = flights.records.events(product=flights.product, kind=OUTCOME)[-1]
    assert outcome.body["why"] == "two: [Errno 28] No space left on device"
    carried(flights, rooms.step("one"), rooms.step("two"))
    assert told(flights)[3:] == ["intent", "one", "two", "done"]
    assert rooms.marks == ["one", "two"]


def test_after_a_step_that_cannot_be_taken_back_it_only_goes_forwards(flights, rooms):
    with pytest.raises(OSError, match="No space left"):
        carried(flights, rooms.step("one", undoable=False), rooms.step("two", fails=True))
    assert (rooms.marks, told(flights)) == (["one", "two"], ["intent", "one"])
    carried(
        flights, rooms.step("one", undoable=False), rooms.step("two"), still_meant=lambda _: "not any more"
    )
    assert told(flights) == ["intent", "one", "two", "done"]


@pytest.mark.parametrize("meant", [("this",), None])
def test_an_interrupted_one_that_is_not_wanted_any_more_is_undone(flights, rooms, meant, monkeypatch):
    def killed(name: str) -> None:
        if name == "move.two":
            raise KeyboardInterrupt  # like a kill: no one undoes, no one tells

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(procedures, "failpoint", killed)
        carried(flights, rooms.step("one"), rooms.step("two"), meant=("that",))
    assert (rooms.marks, told(flights)) == (["one", "two"], ["intent", "one"])
    found = carried(flights, rooms.step("one"), rooms.step("two"), meant=meant, still_meant=lambda _: "no")
    assert told(flights)[2] == "undone"
    assert found == ({"what": "this"} if meant else None)
    assert rooms.marks == (["one", "two"] if meant else [])
