"""A replay that leads nowhere ends with the reason, instead of waiting for it to run out of patience."""

from __future__ import annotations

import contextlib
import re
import sys

import pandas as pd
import pytest
from tests.ledger_events import body
from tests.measured_facts import facts

from sprintline.base import settings
from sprintline.hosting import failure_news, replay, running_code, starts
from sprintline.hosting.progress import progress_of
from sprintline.landing.arrivals import arrivals_of
from sprintline.mechanisms.backlog import update
from sprintline.product.events import CLOSED, RUN_FAILED
from sprintline.product.runtime import load_runtime
from sprintline.product.tries import Tries
from sprintline.scaffold.check import mistakes_of
from sprintline.scaffold.create import create_product

S1 = "2026-S01"


@pytest.fixture
def root(tmp_path, monkeypatch):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    create_product("bakery", tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("products.bakery")]:
        del sys.modules[name]


@pytest.fixture
def bakery(root, tmp_path):
    return load_runtime(root / "platform/products/bakery", settings.Home(tmp_path / "home"))


@pytest.mark.parametrize(
    ("given", "told"),
    [(None, "returned None"), ([1], "returned a list"), ({"orders": pd.DataFrame()}, "no frame of deliveries"),
     ({"orders": [], "deliveries": pd.DataFrame()}, "no frame of orders")],
)  # fmt: skip
def test_a_provider_that_gives_no_frames_is_told_by_its_file(bakery, given, told):
    (bakery.folder / "sample" / "deliveries.csv").unlink()
    with pytest.raises(replay.ReplayError, match=rf"bakery/sources.py: provide\({S1}\) returned") as refused:
        replay.drop(bakery, S1, lambda sprint: given)
    assert told in str(refused.value) and 'return {"orders": frame, "deliveries": frame}' in str(
        refused.value
    )
    assert not list(bakery.home.landing.rglob("*.csv*")), "nothing is half dropped"


def test_a_source_the_provider_does_not_give_comes_from_its_sample(bakery):
    whole = bakery.sources.provide(bakery.window(S1))
    given = replay.provided(bakery, S1, lambda sprint: {"orders": whole["orders"]})
    assert given["orders"] is whole["orders"]
    assert list(given["deliveries"].columns) == list(whole["deliveries"].columns)
    assert 0 < len(given["deliveries"]) <= len(whole["deliveries"])
    with pytest.raises(LookupError, match=r"sample/deliveries.csv has no row of 2026-S20"):
        replay.provided(bakery, "2026-S20", lambda sprint: {"orders": whole["orders"]})


def test_what_lies_in_the_way_of_a_file_is_told(bakery):
    (bakery.home.landing / "bakery" / "orders" / f"{S1}.csv").mkdir(parents=True)
    replay.drop(bakery, S1, bakery.sources.provide)
    told = replay._hopeless(bakery, S1)
    assert told is not None and told.startswith(
        f"{S1} waits for a file of orders; in landing/ lies bakery/orders"
    )
    assert "this is not a file" in told


def test_a_sprint_that_was_given_up_is_told_with_its_reason(bakery):
    replay.drop(bakery, S1, bakery.sources.provide)
    assert replay._hopeless(bakery, S1) is None, "its run may be under way"
    tried = Tries(bakery).of(S1)
    on_files = f"{arrivals_of(bakery)[0][S1].digest}:{tried}"
    for told, on in ((f"{S1} failed 3 times, dbt: no", on_files), (f"{S1} retrained", f"retraining:{tried}")):
        update.sight_given_up(bakery, S1, told, on, "landing")
        assert replay._hopeless(bakery, S1) == told
    (bakery.folder / "model.py").write_text((bakery.folder / "model.py").read_text() + "\n")
    assert replay._hopeless(bakery, S1) is None, "changed code is tried again"


def fail(runtime, sprint: str, error: str = "no oven", tried: str = "c.0", run: str = "") -> None:
    """A failed run as the sensor records it."""
    said = {"run": run or f"{error}-{tried}-{id(object())}", "job": "bakery_closing", "step": "bakery__dbt",
            "error": error, "place": "dbt_project/models/bakery/marts/questions.sql:3", "started_by": "bakery_landing",
            "tried": tried}  # fmt: skip
    runtime.records.append(RUN_FAILED, runtime.product, sprint, "bakery_failures", said, key=said["run"])


def test_a_run_that_fails_is_told_while_the_replay_waits_and_when_it_gives_up(bakery, monkeypatch, capsys):
    monkeypatch.setattr(replay, "daemon", lambda runtime, asked: contextlib.nullcontext(lambda: None))
    monkeypatch.setattr(failure_news, "LOOKS_EVERY", 0.0)
    monkeypatch.setattr(replay, "LOOKS_EVERY", 0.0)
    fail(bakery, S1, "of an earlier replay", run="0")
    left = ["1", "2", "3"]

    def run_and_fail(seconds):
        if left:
            fail(bakery, S1, run=left.pop(0))
        else:
            tried = Tries(bakery).of(S1)
            update.sight_given_up(bakery, S1, "given up: no oven", f"retraining:{tried}", "bakery_retraining")

    monkeypatch.setattr(replay.time, "sleep", run_and_fail)
    with pytest.raises(replay.ReplayError, match="given up: no oven"):
        replay.replay(bakery, 1)
    told = [line for line in capsys.readouterr().out.splitlines() if "its run failed" in line]
    assert len(told) == 3 and "earlier" not in "".join(told)
    assert (
        "bakery 2026-S01: its run failed: dbt_project/models/bakery/marts/questions.sql:3: no oven" in told[0]
    )
    assert "sprintline retry 2026-S01" in told[-1]


def test_a_pipe_gets_a_line_per_closed_sprint(bakery, monkeypatch, capsys):
    closings: set[str] = set()

    def close_what_landed(seconds):
        closings.update(arrivals_of(bakery)[0])

    def closing_of(runtime, key):
        return {"files": arrivals_of(bakery)[0][key].files} if key in closings else None

    monkeypatch.setattr(replay, "closing_of", closing_of)
    monkeypatch.setattr(replay, "daemon", lambda runtime, asked: contextlib.nullcontext(lambda: None))
    monkeypatch.setattr(replay.time, "sleep", close_what_landed)
    replay.replay(bakery, 4, history=2)
    first, *closed = capsys.readouterr().out.splitlines()
    assert first == "bakery: landing 2026-S01 to 2026-S02"
    assert [re.sub(r"\d+ s$", "0 s", line) for line in closed] == [
        f"bakery 2026-S0{number} closed ({number} of 4), 0 s" for number in (1, 2, 3, 4)
    ]
    replay.replay(bakery, 6, history=2)
    more = capsys.readouterr().out.splitlines()[1:]
    assert [line.split(",")[0] for line in more] == [
        f"bakery 2026-S0{number} closed ({number} of 6)" for number in (5, 6)
    ]
    replay.replay(bakery, 6, history=2)
    out = capsys.readouterr().out
    assert "bakery: all 6 sprints are closed; nothing was replayed\n" in out and "not when code does" in out
    fail(bakery, S1)
    replay.replay(bakery, 6, history=2)
    assert f"{S1}: its run failed: dbt_project" in capsys.readouterr().out


def test_a_calendar_that_moves_a_closed_sprint_is_not_replayed(bakery):
    bakery.measure(
        "increment", S1, "v", facts("increment", window=["2026-01-04", "2026-01-10", "Europe/Berlin"])
    )
    with pytest.raises(
        replay.ReplayError,
        match=r"2026-S01 closed on 4 Jan 2026 to 10 Jan 2026 .Europe.Berlin.; by the calendar",
    ):
        replay.replay(bakery, 2)
    assert not bakery.home.landing.exists(), "no file of the new days is dropped"


def test_a_slow_sprint_is_given_up_only_when_nothing_of_it_moves(bakery, monkeypatch):
    """Three seconds of work with a limit of one: the warehouse file grows, then nothing happens any more."""
    clock = iter(range(1000))
    monkeypatch.setattr(replay.time, "monotonic", lambda: next(clock) / 8)
    monkeypatch.setattr(replay.time, "sleep", lambda _: None)
    monkeypatch.setattr(replay, "STALLED_AFTER", 1.0)
    file, written = bakery.home.warehouse_file("bakery"), []
    file.parent.mkdir(parents=True)

    def work() -> None:
        if len(written) < 20:
            written.append("x")
            file.write_text("".join(written))

    with pytest.raises(replay.ReplayError, match=f"{S1} did not close: nothing of it was computed for 1 s"):
        with progress_of("bakery", 1) as progress:
            replay._await(bakery, [S1], [S1], progress, lambda: None, work)
    assert len(written) == 20, "it was given up while it moved"


def test_files_that_landed_again_are_waited_for(bakery, monkeypatch, capsys):
    monkeypatch.setattr(replay, "daemon", lambda runtime, asked: contextlib.nullcontext(lambda: None))

    def close(seconds: float = 0) -> None:
        files = arrivals_of(bakery)[0][S1].files
        said = body(CLOSED, files=files, done=True, version="v")
        bakery.records.append(CLOSED, bakery.product, S1, "test", said)

    waited: list[float] = []
    monkeypatch.setattr(replay.time, "sleep", lambda seconds: (waited.append(seconds), close()))
    replay.replay(bakery, 1)
    assert len(waited) == 1
    place = bakery.home.landing / "bakery/orders/2026-S01.csv.gz"
    place.write_bytes(place.read_bytes() + b"more")
    replay.replay(bakery, 1)
    assert len(waited) == 2, "a corrected file is closed again before the replay ends"
    place.unlink()
    replay.replay(bakery, 1)
    assert len(waited) == 3, "so is a file that was taken away and lands again"
    replay.replay(bakery, 1)
    assert len(waited) == 3 and "nothing was replayed" in capsys.readouterr().out


class TestBesideAnOpenUi:
    @pytest.fixture
    def ui(self, root, bakery, monkeypatch):
        """An open UI's folder; whoever replays beside it closes nothing here."""
        monkeypatch.setattr(replay, "_await", lambda *_: None)
        monkeypatch.setattr(replay, "prepare", lambda home: None)
        with starts.mark(bakery.home, "ui") as folder:
            running_code.remember(folder)
            yield folder

    def test_its_daemon_does_the_work_and_the_replay_says_so(self, bakery, ui, capsys):
        replay.replay(bakery, 1)
        assert "`sprintline ui` is open on this state folder; its daemon closes" in capsys.readouterr().out
        assert [one.where for one in starts.recorded(bakery.home)] == ["ui"]

    @pytest.mark.parametrize(
        "file",
        [
            "platform/products/bakery/sources.py",
            "dbt_project/models/bakery/extra.sql",
            "platform/sprintline/a.py",
        ],
    )
    def test_code_that_changed_since_is_refused_before_a_file_lands(self, root, bakery, ui, file):
        (root / file).parent.mkdir(exist_ok=True, parents=True)
        with (root / file).open("a") as code:
            code.write("\n")
        with pytest.raises(
            replay.ReplayError, match=f"was started before {file} changed.*start `sprintline ui` again"
        ):
            replay.replay(bakery, 1)
        assert not list(bakery.home.landing.rglob("*.csv*"))

    def test_with_nothing_to_replay_older_code_is_told_all_the_same(self, bakery, ui, monkeypatch, capsys):
        replay.drop(bakery, S1, bakery.sources.provide)
        files = arrivals_of(bakery)[0][S1].files
        monkeypatch.setattr(replay, "closing_of", lambda runtime, key: {"files": files})
        replay.replay(bakery, 1)
        assert "is open and was started" not in capsys.readouterr().out
        (bakery.folder / "model.py").write_text("")
        replay.replay(bakery, 1)
        out = capsys.readouterr().out
        assert "nothing was replayed" in out and "was started before platform/products/bakery/model.py" in out

    def test_a_file_that_is_gone_counts_and_another_products_does_not(self, root, bakery, ui):
        other = root / "platform/products/cafe/sources.py"
        other.parent.mkdir()
        other.write_text("")
        (root / "platform/products/bakery/sources.py").touch()
        assert running_code.changed(ui, "bakery") == []
        (root / "platform/products/bakery/sources.py").unlink()
        assert running_code.changed(ui, "bakery") == ["platform/products/bakery/sources.py"]

    def test_a_ui_that_ends_meanwhile_ends_the_replay(self, bakery, ui):
        with replay.daemon(bakery) as healthy:
            healthy()
            (ui / starts.OWNER).unlink()
            with pytest.raises(replay.ReplayError, match="has ended: start the replay again"):
                healthy()

    def test_a_process_on_request_belongs_to_the_ui(self, bakery, ui):
        with pytest.raises(replay.ReplayError, match="sprintline ui --with gateway"):
            replay.replay(bakery, 1, asked=["gateway"])


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_of("bakery: landing", 2) as progress:
        progress.doing(0, "bakery: closing 2026-S01")
        progress.sprint_closed("bakery 2026-S01", 1, 3.0)
    out = capsys.readouterr().out
    assert "1/2" in out and "closed (1 of 2)" not in out


def test_sources_that_cannot_be_loaded_are_a_mistake_with_its_line(root):
    folder = root / "platform/products/bakery"
    lines = (folder / "sources.py").read_text() + 'raise RuntimeError("no till")\n'
    (folder / "sources.py").write_text(lines)
    found = mistakes_of(folder, root, settings.Home(root / "home"))
    assert f"platform/products/bakery/sources.py:{lines.count(chr(10))}: RuntimeError: no till" in found
