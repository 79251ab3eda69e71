"""What is live: the fold of the ledger's events, and the same read backwards from the records."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger_events import body as fitting

from sprintline.base.settings import ROOT, Home
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.ledger.events import EventKind, catalogue
from sprintline.mechanisms.ledger.records import Records
from sprintline.product.calendar import CalendarError
from sprintline.product.past import PastMissing
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.release import live as machine
from sprintline.release.live import Recorded, ReleaseStateError, fold, live, releases
from sprintline.release.stages import TRANSITIONS, Act, Stage

FLIGHTS = Path(__file__).parents[1] / "fixtures" / "clone" / "platform" / "products" / "flight_delays"
FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
NONE, HOLD, PROMOTE = "none", "hold", "promote"


@dataclass(frozen=True)
class Decided:
    sprint: str
    body: dict[str, Any]


def decisions(outcomes: Sequence[str], keys: Sequence[str]) -> list[Decided]:
    """A decision per outcome, as promotion records them: a candidate is proposed, and held or promoted."""
    found, champion = [], None
    for number, (outcome, sprint) in enumerate(zip(outcomes, keys, strict=False)):
        candidate = None if outcome == NONE else f"m{number}"
        after = candidate if outcome == PROMOTE else champion
        named = "bootstrap" if outcome == PROMOTE and champion is None else outcome
        body = {
            "decision": named, "candidate": candidate, "champion_before": champion, "champion_after": after,
            "why": f"reason {number}", "release_digest": f"d{number}" if outcome == PROMOTE else None,
        }  # fmt: skip
        found.append(Decided(sprint, body))
        champion = after
    return found


def events(decided: Sequence[Decided], kind: str = "decision", first: int = 1) -> list[Event]:
    return [
        Event(first + number, FIRST + timedelta(days=first + number), kind, "p", one.sprint, "test", one.body, "", "")
        for number, one in enumerate(decided)
    ]  # fmt: skip


OUTCOMES = st.lists(st.sampled_from([NONE, HOLD, PROMOTE]), max_size=12)
KEYS = [f"2013-S{number:02d}" for number in range(1, 14)]


@contextmanager
def recorded(runtime_at: Path = FLIGHTS) -> Iterator[Runtime]:
    """A declared product on an empty state folder, whose ledger's clock moves a day with every event."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        runtime = load_runtime(runtime_at, home)
        days = iter(range(1, 1000))
        records = Records(home.records_url, clock=lambda: FIRST + timedelta(days=next(days)))
        runtime.__dict__["records"] = records
        yield runtime
        records.close()


def record(runtime: Runtime, decided: Sequence[Decided]) -> None:
    for one in decided:
        runtime.records.append(
            "decision", runtime.product, one.sprint, "test", fitting("decision", **one.body), key=one.sprint
        )


def model(found: machine.Live | None) -> str | None:
    return found.model_id if found else None


# --- the fold --------------------------------------------------------------------------------------------------------


@given(OUTCOMES)
def test_after_each_decision_live_is_what_it_left(outcomes):
    decided = decisions(outcomes, KEYS)
    told = events(decided)
    for number, one in enumerate(decided, 1):
        after = fold(told[:number])
        assert model(after.live) == one.body["champion_after"]
        if one.body["decision"] in (NONE, HOLD):
            assert after.live == fold(told[: number - 1]).live, "a tie or a hold keeps what was live"
        else:
            assert after.live.event == number and after.live.release_digest == one.body["release_digest"]
    assert fold([]).live is None and fold([]).newest is None


@given(OUTCOMES)
def test_every_model_has_the_stage_that_its_decisions_gave_it(outcomes):
    decided = decisions(outcomes, KEYS)
    found = fold(events(decided))
    promoted = [one.body["candidate"] for one in decided if one.body["decision"] in ("bootstrap", PROMOTE)]
    assert [one.model_id for one in found.moves] == promoted
    assert [one.replaced for one in found.moves] == [None, *promoted[:-1]][: len(promoted)]
    held = [one.body["candidate"] for one in decided if one.body["decision"] == HOLD]
    assert dict(found.stages) == {
        **dict.fromkeys(held, Stage.CANDIDATE),
        **dict.fromkeys(promoted[:-1], Stage.RETIRED),
        **dict.fromkeys(promoted[-1:], Stage.CHAMPION),
    }
    trained = [one.body["candidate"] for one in decided if one.body["candidate"]]
    assert found.newest == (trained[-1] if trained else None)


@given(OUTCOMES, st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["restated", "closed", "trigger"]))))
def test_restatements_and_other_events_move_nothing(outcomes, others):
    told = events(decisions(outcomes, KEYS))
    mixed = list(told)
    for place, kind in others:
        body = {"champion": "m99", "champion_after": "m99"}
        mixed.insert(min(place, len(mixed)), Event(0, FIRST, kind, "p", KEYS[0], "test", body, "", ""))
    assert fold(mixed) == fold(told)


@given(OUTCOMES, OUTCOMES)
def test_a_removal_begins_anew(before, after):
    old, new = events(decisions(before, KEYS)), events(decisions(after, KEYS), first=50)
    removed = Event(40, FIRST, "removed", "p", None, "test", {"verdicts": 0}, "", "")
    assert fold([*old, removed, *new]) == fold(new)


@given(OUTCOMES, st.integers(0, 12))
def test_a_fold_may_begin_anywhere(outcomes, start):
    told = events(decisions(outcomes, KEYS))
    assert start >= len(told) or model(fold(told[start:]).live) == model(fold(told).live)


BOOTSTRAP = decisions([PROMOTE, HOLD, PROMOTE], KEYS)


def _changed(number: int, **more: Any) -> list[Event]:
    decided = list(BOOTSTRAP)
    decided[number] = Decided(decided[number].sprint, decided[number].body | more)
    return events(decided)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("told", "words"),
    [
        (_changed(1, champion_before="m9", champion_after="m9"), "event 2 (decision of 2013-S02) records m9 as live"),
        (_changed(2, champion_before=None), "records no model as live before it; by the other events it is m0"),
        (_changed(2, candidate="m0", champion_after="m0"), "cannot propose model m0: its stage is champion"),
        (_changed(2, champion_after="m1"), "cannot promote model m1: its stage is candidate"),
        (_changed(2, candidate="m8", champion_after="m7"), "cannot promote model m7: its stage is unknown"),
        (events([Decided(KEYS[0], {"decision": "none", "champion_after": None})]), "has no 'champion_before'"),
    ],
)  # fmt: skip
def test_events_that_contradict_each_other_are_refused(told, words):
    if (
        "m1: its stage is candidate" in words
    ):  # held once, promoted later: the one way back in that is allowed
        assert model(fold(told).live) == "m1"
        return
    with pytest.raises(ReleaseStateError, match=re.escape(words)):
        fold(told)


@pytest.mark.fault
def test_a_retired_model_is_not_promoted_again_by_a_decision():
    again = {
        "decision": "promote",
        "candidate": None,
        "champion_before": "m2",
        "champion_after": "m0",
        "why": "w",
    }
    with pytest.raises(ReleaseStateError, match="cannot propose model m0: its stage is retired"):
        fold(events([*BOOTSTRAP, Decided(KEYS[3], again)]))


@pytest.mark.fault
def test_two_models_are_never_live_at_once(monkeypatch):
    def beside(body: Any) -> Recorded:
        return replace(
            machine.read_decision(body), acts=((body["candidate"], Act.PROPOSE), ("m2", Act.PROMOTE))
        )

    told = events(BOOTSTRAP)
    monkeypatch.setitem(machine.READERS, "beside", beside)
    with pytest.raises(
        ReleaseStateError, match="records m2 as live after it; by the other events it is m0 and m2"
    ):
        fold([*told[:2], replace(told[2], kind="beside")])


def test_another_kind_of_event_adds_a_reader_and_transitions_only(monkeypatch):
    """What a rollback will be: the model before comes back, and the pointer follows, now and at a sprint."""
    monkeypatch.setitem(TRANSITIONS, (Stage.RETIRED, "restore"), Stage.CHAMPION)

    def rollback(body: Any) -> Recorded:
        acts = ((body["from"], Act.REPLACE), (body["to"], "restore"))
        return Recorded(body["from"], body["to"], acts, "rollback", body["why"], body["digest"])

    known = dict(catalogue())
    back_body = TypedDict("Back", {"from": str, "to": str, "why": str, "digest": str})
    known["rollback"] = EventKind(
        "rollback", back_body, "The model before comes back.", ("a test",), ("a test",)
    )
    monkeypatch.setattr("sprintline.mechanisms.ledger.events.catalogue", lambda: known)
    monkeypatch.setitem(machine.READERS, "rollback", rollback)
    with recorded() as runtime:
        record(runtime, BOOTSTRAP)
        back = {"from": "m2", "to": "m0", "why": "worse", "digest": "d0"}
        runtime.records.append("rollback", runtime.product, KEYS[2], "a person", back)
        now = live(runtime)
        assert (now.model_id, now.decision, now.release_digest, now.replaced) == (
            "m0",
            "rollback",
            "d0",
            "m2",
        )
        assert model(live(runtime, KEYS[3])) == "m0" and model(live(runtime, KEYS[1])) == "m0"
        assert releases(runtime).stages["m2"] == Stage.RETIRED


# --- from the records ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> Iterator[Runtime]:
    with recorded() as runtime:
        yield runtime


@settings(max_examples=12, deadline=None)
@given(outcomes=OUTCOMES)
def test_live_at_a_sprint_is_what_the_decision_before_it_left(kept, outcomes):
    runtime = kept
    runtime.records.remove(runtime.product, "the example before")
    keys = runtime.calendar.keys
    decided = decisions(outcomes, keys)
    record(runtime, decided)
    assert live(runtime, keys[0]) is None
    for one, after in zip(decided, keys[1:], strict=False):
        assert model(live(runtime, after)) == one.body["champion_after"]
    whole = releases(runtime)
    assert live(runtime) == whole.live, "read backwards or whole, the record is the same"
    assert model(live(runtime)) == (decided[-1].body["champion_after"] if decided else None)
    with pytest.raises(PastMissing, match=f"{keys[len(decided)]} is not closed"):
        live(runtime, keys[len(decided) + 1])
    for number, one in enumerate(runtime.records.events(product=runtime.product)):
        assert model(live(runtime, one.at)) == decided[number].body["champion_after"]
        assert model(live(runtime, one.at - timedelta(seconds=1))) == one.body["champion_before"]
    runtime.records.append("restated", runtime.product, keys[0], "test", fitting("restated", champion="m99"))
    if decided:
        runtime.records.append("decision", runtime.product, keys[0], "test", fitting("decision"), key=keys[0])
    assert live(runtime) == whole.live
    runtime.records.remove(runtime.product, "test")
    assert live(runtime) is None and releases(runtime).moves == ()
    if decided:
        with pytest.raises(PastMissing):
            live(runtime, keys[1])


def test_a_sprint_that_is_not_planned_is_named():
    with recorded() as runtime, pytest.raises(CalendarError, match="'2012-S01' is not a planned sprint"):
        live(runtime, "2012-S01")


def test_live_reads_back_to_the_move_and_no_further(monkeypatch):
    read: list[str] = []

    def counted(body: Any) -> Recorded:
        read.append(body["why"])
        return machine.read_decision(body)

    with recorded() as runtime:
        keys = runtime.calendar.keys
        record(runtime, decisions([PROMOTE, *[NONE] * 9, PROMOTE, HOLD, NONE, NONE], keys))
        monkeypatch.setitem(machine.READERS, "decision", counted)
        assert live(runtime, keys[13]).model_id == "m10"
        assert set(read) == {"reason 12", "reason 11", "reason 10"}


@pytest.mark.fault
def test_a_contradiction_on_the_way_back_is_refused():
    """Read backwards as well: what a tie names as live is what the decision before it left."""
    with recorded() as runtime:
        tie = {
            "decision": NONE,
            "candidate": None,
            "champion_before": "m9",
            "champion_after": "m9",
            "why": "w",
        }
        record(runtime, [*BOOTSTRAP, Decided(KEYS[3], tie)])
        words = r"event 3 \(decision of 2013-S03\) records m2 as live after it; by the other events it is m9"
        with pytest.raises(ReleaseStateError, match=words):
            live(runtime)
        assert model(live(runtime, KEYS[3])) == "m2"


def test_what_was_live_before_the_first_event_is_still_live():
    with recorded() as runtime:
        tie = {
            "decision": NONE,
            "candidate": None,
            "champion_before": "m9",
            "champion_after": "m9",
            "why": "w",
        }
        record(runtime, [Decided(KEYS[0], tie), Decided(KEYS[1], tie)])
        found = live(runtime)
        assert (found.model_id, found.decision, found.sprint) == ("m9", machine.EARLIER, None)
        assert found == releases(runtime).live


def test_another_products_decisions_do_not_count():
    with recorded() as runtime:
        said = fitting("decision", **BOOTSTRAP[0].body)
        runtime.records.append("decision", "other", KEYS[0], "test", said, key=KEYS[0])
        assert live(runtime) is None


def test_only_this_module_reads_what_a_decision_says_of_the_champion():
    """Promotion writes both keys, one module reads them: everything else asks `live`."""
    pattern = re.compile(r"champion_(before|after)")
    named = {
        file.relative_to(ROOT).as_posix(): len(pattern.findall(file.read_text(encoding="utf-8")))
        for file in (ROOT / "platform" / "sprintline").rglob("*.py")
        if pattern.search(file.read_text(encoding="utf-8"))
    }
    assert named == {
        "platform/sprintline/product/events.py": 4,  # the typed body
        "platform/sprintline/release/live.py": 2,
        "platform/sprintline/release/promotion.py": 3,
    }
