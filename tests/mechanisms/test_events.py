"""The catalogue of ledger events: what does not fit is refused before it is written, and the catalogue is true."""

import ast
import sqlite3
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import pytest
from tests.ledger_events import NOTE, body, note

from sprintline.base.settings import ROOT
from sprintline.mechanisms.ledger import events as ledger_events
from sprintline.mechanisms.ledger.bodies import keys_of, mistakes, spelled
from sprintline.mechanisms.ledger.events import EventError, EventKind, catalogue, check_event
from sprintline.mechanisms.ledger.records import Records
from sprintline.mechanisms.ledger.reference import events_page
from sprintline.mechanisms.registry import modules
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.product.events import CLOSED, DECISION

WAIVED = {"code": "DQ101", "asset": "", "approver": "sam", "reason": "why", "expires": "2013-05-01"}


@pytest.fixture
def records(tmp_path):
    return Records(f"sqlite:///{tmp_path}/records.db")


# --- what is refused


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        ("waivr", WAIVED, "there is no kind of ledger event 'waivr'; expected one of anchor, "),
        (WAIVER, {**WAIVED, "expires": 5}, "ledger event waiver: key `expires` is 5, expected str"),
        (WAIVER, {**WAIVED, "expires": None}, "key `expires` is None, expected str"),
        (WAIVER, {**WAIVED, "sprint": "S1"}, "key `sprint` is unknown, expected only code, asset, approver"),
        (WAIVER, {k: v for k, v in WAIVED.items() if k != "reason"}, "key `reason` is missing, expected str"),
        (WAIVER, {}, "key `approver` is missing, expected str; key `asset` is missing"),
        (WITHDRAWN, body(WITHDRAWN, waivers=[1, True]), "key `waivers[1]` is True, expected int"),
        (WITHDRAWN, body(WITHDRAWN, waivers="1"), "key `waivers` is '1', expected list[int]"),
        (CLOSED, body(CLOSED, done=1), "key `done` is 1, expected bool"),
        (CLOSED, body(CLOSED, tables={"a": ["v"]}), "key `tables.a` is ['v'], expected tuple[str, int | None]"),
        (CLOSED, body(CLOSED, tables={"a": ["v", 1.5]}), "key `tables.a[1]` is 1.5, expected int | None"),
        (CLOSED, body(CLOSED, metrics={"auc": "0.5"}), "key `metrics.auc` is '0.5', expected float | None"),
        (DECISION, body(DECISION, decision="maybe"), "is 'maybe', expected \"none\" | \"bootstrap\""),
        (DECISION, body(DECISION, evidence={"verdict": {}}), "key `evidence.verdict` is unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_written(records, kind, wrong, told):
    with pytest.raises(EventError) as refused:
        records.append(kind, "flights", "2013-S01", "sam", wrong)
    assert told in str(refused.value)
    assert records.events() == [] and records.verify().events == 0


def test_a_key_that_stands_already_lets_no_wrong_body_pass(records):
    records.append(NOTE, "flights", None, "sam", note(), key="one")
    with pytest.raises(EventError):
        records.append(NOTE, "flights", None, "sam", {"itm": "0"}, key="one")


@pytest.mark.parametrize("kind", catalogue())
def test_the_smallest_body_of_every_kind_fits(records, kind):
    event = records.append(kind, "flights", "2013-S01", "sam", body(kind))
    assert records.events(kind=kind) == [event]


def test_what_the_ledger_writes_of_its_own_fits_the_catalogue(records, tmp_path):
    records.append(NOTE, "flights", None, "sam", note())
    records.remove("flights", "sam")
    (tmp_path / "ledger.head").unlink()
    records.accept("sam", "the head file was lost")
    records.append(NOTE, "flights", None, "sam", note())
    _cut(tmp_path)
    records.accept("sam", "an older copy was restored")
    for event in records.events():
        check_event(event.kind, event.body)


def _cut(folder: Path) -> None:
    with sqlite3.connect(folder / "records.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")


def test_events_of_older_versions_are_read_and_verified(records, monkeypatch):
    monkeypatch.setattr("sprintline.mechanisms.ledger.ledger.check_event", lambda kind, body: None)
    old = records.append(
        "promoted", "flights", None, "sam", {"was": "m1"}
    )  # as a version without a catalogue
    older = records.append(WAIVER, "flights", None, "sam", {"code": "DQ101"})
    monkeypatch.undo()
    assert records.events() == [old, older] and records.verify().ok
    assert records.append(NOTE, "flights", None, "sam", note()).seq == 3


# --- types


class Inner(TypedDict):
    """Keys of an inner value."""

    seq: int


class Every(TypedDict):
    """One key of every sort."""

    text: str
    share: float
    either: Literal["a", 1]
    inner: Inner | None
    pairs: list[tuple[str, bool]]
    free: Any
    later: NotRequired[str]


EVERY = {"text": "", "share": 1, "either": 1, "inner": None, "pairs": [["a", True]], "free": [{}]}


def test_a_body_that_fits():
    assert mistakes(EVERY, Every) == []
    assert mistakes({**EVERY, "later": "now", "inner": {"seq": 1}, "share": 0.5, "either": "a"}, Every) == []


@pytest.mark.parametrize(
    "change",
    [
        {"text": 1}, {"share": True}, {"share": "1"}, {"either": True}, {"either": "b"}, {"inner": {}},
        {"inner": {"seq": "1"}}, {"pairs": [["a", 1]]}, {"pairs": [["a"]]}, {"pairs": {}}, {"later": None}, {"more": 1},
    ],
)  # fmt: skip
def test_a_body_that_does_not(change):
    assert len(mistakes({**EVERY, **change}, Every)) == 1


def test_a_body_that_is_no_mapping():
    assert mistakes([], Inner) == ["key `` is [], expected {seq: int}"]


def test_types_are_spelled_as_people_write_them():
    told = {key: (spelled(hint), needed) for key, (hint, needed) in keys_of(Every).items()}
    assert told["either"] == ('"a" | 1', True)
    assert told["inner"] == ("{seq: int} | None", True)
    assert told["pairs"] == ("list[tuple[str, bool]]", True)
    assert told["later"] == ("str", False)


@pytest.mark.parametrize("hint", [set[str], bytes, dict[int, str], tuple[int, ...], Path])
def test_a_type_that_json_does_not_have_is_refused_at_once(monkeypatch, hint):
    wrong = TypedDict("wrong", {"one": hint})  # noqa: UP013  # its type is a parameter
    added(monkeypatch, EventKind("odd", wrong, "An odd one.", (), ()))
    with pytest.raises(TypeError, match=r"ledger event odd.*JSON"):
        catalogue()


def test_two_kinds_of_one_name_are_refused(monkeypatch):
    added(monkeypatch, EventKind(CLOSED, Inner, "Another closing.", (), ()))
    with pytest.raises(ValueError, match="two kinds of ledger events are named closed"):
        catalogue()


def added(monkeypatch: pytest.MonkeyPatch, kind: EventKind) -> None:
    real = ledger_events.collected
    monkeypatch.setattr(ledger_events, "collected", lambda *names: (*real(*names), kind))
    catalogue.cache_clear()


@pytest.fixture(autouse=True)
def fresh():
    yield
    catalogue.cache_clear()


# --- the catalogue is true

CONSTANTS = {
    value: (module.__name__, name)
    for module in modules("events")
    for name, value in vars(module).items()
    if name.isupper() and value in catalogue() and f'"{value}"' in Path(str(module.__file__)).read_text()
}


@pytest.mark.parametrize("kind", catalogue().values(), ids=lambda one: one.kind)
def test_those_who_are_said_to_write_and_read_a_kind_use_its_name(kind):
    module, constant = CONSTANTS[kind.kind]
    assert kind.written_by, "nobody would write it"
    for name in (*kind.written_by, *kind.read_by):
        spec = find_spec(f"sprintline.{name}")
        assert spec and spec.origin, f"there is no module {name}"
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        names = {
            one.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == module
            for one in node.names
        }
        assert constant in names, f"{name} does not import {constant} from {module}"


def test_no_event_kind_is_spelled_where_its_name_could_be_used():
    """Neither `records.append("closed", …)` nor `kind="closed"` nor `event.kind == "closed"`."""
    wrong = []
    for file in (ROOT / "platform" / "sprintline").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            spelt: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "append" and len(node.args) > 1:
                    spelt = node.args[:1]
                if node.func.attr == "events":
                    spelt = [one.value for one in node.keywords if one.arg == "kind"] + node.args[1:2]
            elif isinstance(node, ast.Compare) and getattr(node.left, "attr", "") == "kind":
                spelt = [part for one in node.comparators for part in (*getattr(one, "elts", ()), one)]
            kinds = [one.value for one in spelt if isinstance(one, ast.Constant) and one.value in catalogue()]
            wrong += [f"{file.name}:{node.lineno}: {one}" for one in kinds]
    assert wrong == []


def test_one_name_means_one_kind():
    """Every constant that names a kind names this kind everywhere."""
    by_name: dict[str, set[str]] = {}
    for _, (module, _) in CONSTANTS.items():
        for name, value in vars(import_module(module)).items():
            if name.isupper() and value in CONSTANTS:
                by_name.setdefault(name, set()).add(value)
    assert {name: values for name, values in by_name.items() if len(values) > 1} == {}


def test_the_reference_page_has_every_kind_with_every_key():
    page = events_page(ROOT)
    for one in catalogue().values():
        section = page.split(f"\n## {one.kind}\n")[1].split("\n## ")[0]
        for key, (hint, _) in keys_of(one.body).items():
            assert f"| `{key}`" in section
            assert spelled(hint).replace("|", "\\|") in section
        for name in (*one.written_by, *one.read_by):
            assert f"`{name}`" in section
        assert one.meaning.endswith(".") and one.body.__doc__
