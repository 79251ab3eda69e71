"""A procedure killed or failing anywhere completes, goes on, or is undone; its ledger tells which, once."""

from __future__ import annotations

import os
import signal

import pytest

from sprintline.base.failpoints import VARIABLE
from sprintline.mechanisms.procedures import procedure as procedures
from sprintline.mechanisms.procedures.events import KINDS, OUTCOME
from sprintline.mechanisms.procedures.procedure import Step, carry_out

pytestmark = pytest.mark.fault


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


def carried(flights, *steps: Step, meant=("this",), still_meant=lambda _: None):
    meant = {"what": meant[0]} if meant else None
    return carry_out(flights, "move", "it", None, "test", steps, meant, still_meant)


def told(flights) -> list[str]:
    found = [event for event in flights.records.events(product=flights.product) if event.kind in KINDS]
    return [event.body.get("done") or event.body.get("outcome") or event.kind for event in found]


@pytest.fixture(autouse=True)
def points(monkeypatch):
    names = ("move.intended", "move.one", "move.two", "move.ended")
    monkeypatch.setattr("sprintline.base.failpoints.FAILPOINTS", dict.fromkeys(names, "a test's"))


def test_carried_out_once(flights, rooms):
    steps = rooms.step("one"), rooms.step("two")
    assert carried(flights, *steps) == carried(flights, *steps, meant=("other",)) == {"what": "this"}
    assert told(flights) == ["intent", "one", "two", "done"]
    assert rooms.marks == ["one", "two"]


@pytest.mark.parametrize("point", ["move.intended", "move.one", "move.two", "move.ended"])
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
            raise KeyboardInterrupt  # like a kill: nobody undoes, nobody tells

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(procedures, "failpoint", killed)
        carried(flights, rooms.step("one"), rooms.step("two"), meant=("that",))
    assert (rooms.marks, told(flights)) == (["one", "two"], ["intent", "one"])
    found = carried(flights, rooms.step("one"), rooms.step("two"), meant=meant, still_meant=lambda _: "no")
    assert told(flights)[2] == "undone"
    assert found == ({"what": "this"} if meant else None)
    assert rooms.marks == (["one", "two"] if meant else [])
