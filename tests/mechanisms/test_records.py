"""The records database: append-only by itself, one chain whoever appends, idempotent, and a cut end is found."""

import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.ledger_events import NOTE, note

from sprintline.base.clock import Clock
from sprintline.base.settings import Home
from sprintline.mechanisms.backlog.events import ASSIGNED
from sprintline.mechanisms.ledger.events import REMOVED
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.ledger.record_tables import SCHEMA_VERSION
from sprintline.mechanisms.ledger.records import Records, RecordsError
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import TRIGGER

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture
def records(file):
    return Records(f"sqlite:///{file}")


def verdict(
    code="DQ101", sprint="2013-S01", outcome=Outcome.PASS, sentence="all rows are there", version="v1", **more
):
    place = {"product": "flights", "scope": Scope.sprint(sprint), "asset": "departures", "code": code}
    return Verdict(
        **place, outcome=outcome, severity=Severity.ERROR, sentence=sentence, data_version=version, **more
    )


def append_many(url, start, worker, count):
    start.wait()  # all of them open the same fresh file at once
    records = Records(url)
    for i in range(count):
        records.append(NOTE, "flights", f"2013-S{worker:02d}", f"worker {worker}", note(i), key=f"{i // 2}")
        records.record_verdicts([verdict(sprint=f"2013-S{worker:02d}", version=str(i))])


def tampered(file, *statements):
    """Change the file as somebody would who knows SQLite: guards dropped first."""
    connection = sqlite3.connect(file)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


# --- ledger


def test_four_processes_on_a_fresh_file_keep_one_chain(file):
    url, start = f"sqlite:///{file}", SPAWN.Event()
    workers = [SPAWN.Process(target=append_many, args=(url, start, worker, 20)) for worker in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    records = Records(url)
    report = records.verify()
    assert report.ok, report.broken
    assert report.events == 40  # each key was given twice
    assert report.head_file == report.head
    assert [event.seq for event in records.events()] == list(range(1, 41))
    assert len(records.verdicts("flights")) == 4


def test_an_event_comes_back_as_it_was_appended(records):
    moment = datetime(2013, 1, 15, 12, 0, 0, 5, tzinfo=UTC)
    records = Records(records.url, clock=lambda: moment)
    event = records.append(
        TRIGGER,
        "flights",
        "2013-S01",
        "platform",
        {"kind": "drift", "why": "why § 1", "numbers": {"auc": 0.5, "at": moment}},
    )
    assert event.at == moment
    numbers = {"auc": 0.5, "at": "2013-01-15T12:00:00.000005Z"}
    assert event.body == {"kind": "drift", "why": "why § 1", "numbers": numbers}
    assert records.events() == [event]
    other = records.append(NOTE, "", None, "someone", note())
    assert records.events(product="flights", kind=TRIGGER, sprint="2013-S01") == [event]
    assert records.events(product="flights", sprint="2013-S02") == []
    assert records.events(after=1) == [other]
    assert other.sprint is None


def test_a_key_is_appended_once_for_its_kind_product_and_sprint(records):
    first = records.append(NOTE, "flights", None, "platform", note(1), key="m1")
    assert records.append(NOTE, "flights", None, "someone", note(2), key="m1") == first
    others = [
        records.append(ASSIGNED, "flights", None, "platform", {"item": "", "owner": ""}, key="m1"),
        records.append(NOTE, "care", None, "platform", note(), key="m1"),
        records.append(NOTE, "flights", "2013-S01", "platform", note(), key="m1"),
        records.append(NOTE, "flights", None, "platform", note(), key="m2"),
        records.append(NOTE, "flights", None, "platform", note()),
        records.append(NOTE, "flights", None, "platform", note()),
    ]
    assert [event.seq for event in others] == [2, 3, 4, 5, 6, 7]
    assert records.verify().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'mallory' WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 2",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger"
        " SELECT seq, at, kind, product, sprint, 'me', body, prev, hash, key, as_of, signature FROM ledger",
        "INSERT INTO ledger SELECT 9, at, kind, product, sprint, actor, body, 'x', 'y', 'z', as_of, '' FROM ledger"
        " WHERE seq = 1",
        "UPDATE verdicts SET outcome = 'pass'",
        "DELETE FROM verdicts",
        "INSERT OR REPLACE INTO verdicts SELECT id, product, scope_key, code, asset, subject, 'pass', severity,"
        " observed, threshold, sentence, data_version, at, scope_kind FROM verdicts",
    ],
)
def test_the_database_itself_refuses_changes(records, file, statement):
    for i in range(2):
        records.append(NOTE, "flights", None, "platform", note(i))
    records.record_verdicts([verdict(outcome=Outcome.FAIL)])
    connection = sqlite3.connect(file)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert records.verify().ok
    assert records.verdicts("flights")[0].outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("statements", "seq"),
    [
        (["UPDATE ledger SET actor = 'mallory' WHERE seq = 3"], 3),
        (["UPDATE ledger SET body = '{\"i\": 2}' WHERE seq = 3"], 3),  # reads the same, is not what was written
        (["UPDATE ledger SET body = 'no json' WHERE seq = 3"], 3),
        (["UPDATE ledger SET at = 'once' WHERE seq = 3"], 3),
        (["UPDATE ledger SET as_of = NULL WHERE seq = 3"], 3),
        (["UPDATE ledger SET as_of = NULL"], 1),
        (["UPDATE ledger SET as_of = '2013-02-01T00:00:00.000000Z' WHERE seq = 3"], 3),
        (["UPDATE ledger SET as_of = at WHERE seq = 3"], 3),
        (["UPDATE ledger SET as_of = '2013-01-01 00:00:00+00:00' WHERE seq = 3"], 3),  # reads the same
        (["UPDATE ledger SET as_of = '' WHERE seq = 3"], 3),
        (["DELETE FROM ledger WHERE seq = 3"], 3),
        (["DELETE FROM ledger WHERE seq = 5"], 5),
        (["DELETE FROM ledger WHERE seq > 2"], 3),
        (["DELETE FROM ledger"], 1),
        (["UPDATE ledger SET seq = 99 WHERE seq = 2", "UPDATE ledger SET seq = 2 WHERE seq = 4",
          "UPDATE ledger SET seq = 4 WHERE seq = 99"], 2),
    ],
)  # fmt: skip
def test_what_was_done_to_the_file_is_found(file, statements, seq):
    records = Records(f"sqlite:///{file}", as_of=lambda: datetime(2013, 1, 1, tzinfo=UTC))
    for i in range(5):
        records.append(NOTE, "flights", None, "platform", note(i))
    tampered(file, *statements)
    report = Records(records.url).verify()
    assert not report.ok
    assert report.broken.seq == seq


def test_nothing_is_appended_to_a_ledger_that_lost_its_end_until_it_is_accepted(records, file):
    for i in range(3):
        records.append(NOTE, "flights", None, "platform", note(i))
    tampered(file, "DELETE FROM ledger WHERE seq = 3")
    with pytest.raises(RecordsError, match=r"event 3.*nothing was appended"):
        records.append(NOTE, "flights", None, "platform", note())
    event = records.accept("a person", "restored the backup of Tuesday")
    assert event.body["given_up"]["seq"] == 3
    assert records.append(NOTE, "flights", None, "platform", note()).seq == 4
    assert records.verify().ok


def test_a_missing_or_mangled_head_file_is_reported(records, file):
    records.append(NOTE, "flights", None, "platform", note())
    head_file = file.with_name("ledger.head")
    for spoil in (lambda: head_file.write_text("{"), head_file.unlink):
        spoil()
        assert "ledger.head" in records.verify().broken.why
        with pytest.raises(RecordsError, match=r"ledger\.head"):
            records.append(NOTE, "flights", None, "platform", note())


def test_a_head_file_left_behind_by_a_crash_is_caught_up(records, file):
    records.append(NOTE, "flights", None, "platform", note())
    before = file.with_name("ledger.head").read_bytes()
    records.append(NOTE, "flights", None, "platform", note())
    file.with_name("ledger.head").write_bytes(before)  # killed between commit and head file
    assert records.verify().ok
    records.append(NOTE, "flights", None, "platform", note())
    assert records.verify().head_file.seq == 3


# --- verdicts and measurements


def test_a_repeated_verdict_is_kept_once_and_a_changed_one_is_the_latest(records, file):
    first = verdict(observed={"rows": 3}, threshold=5)
    assert records.record_verdicts([first, verdict("DQ102")]) == 2
    assert records.record_verdicts([replace(first, observed={"rows": 4})]) == 0
    failing = replace(first, outcome=Outcome.FAIL, sentence="3 rows are missing", subject="JFK")
    again = replace(first, data_version="v2", severity=Severity.WARN)
    assert records.record_verdicts([again, failing]) == 2
    assert records.record_verdicts([first]) == 1  # back to the content of before: that is news
    assert records.verdicts("flights", "2013-S01") == [first, failing, verdict("DQ102")]
    assert records.verdicts("flights", "2013-S01")[0].observed == {"rows": 3}
    assert records.verdicts("flights", "2013-S02") == records.verdicts("care") == []
    assert sqlite3.connect(file).execute("SELECT count(*) FROM verdicts").fetchone() == (5,)


def test_verdicts_are_recorded_all_or_none(records):
    with pytest.raises(ValueError, match="nan"):
        records.record_verdicts([verdict(), verdict("DQ102", observed=float("nan"))])
    assert records.verdicts("flights") == []


def test_the_latest_of_one_sprint_is_found_by_index_alone(records, file):
    plan = " ".join(
        str(row)
        for row in sqlite3.connect(file).execute(
            "EXPLAIN QUERY PLAN SELECT * FROM verdicts WHERE id IN (SELECT max(id) FROM verdicts WHERE product = 'p'"
            " AND scope_kind = 'sprint' AND scope_key = 's'"
            " GROUP BY product, scope_kind, scope_key, code, asset, subject)"
        )
    )
    assert "COVERING INDEX verdicts_place (product=? AND scope_kind=? AND scope_key=?)" in plan
    assert "SCAN verdicts" not in plan


def test_other_scopes_are_kept_apart_from_sprints_of_the_same_key(records):
    grant, release = Scope("grant", "2013-S01"), Scope("release", "2013-S01")
    of_grant = replace(verdict(outcome=Outcome.FAIL), scope=grant)
    assert records.record_verdicts([verdict(), of_grant]) == 2
    assert records.record_verdicts([verdict(), of_grant]) == 0
    assert records.verdicts("flights") == records.verdicts("flights", "2013-S01") == [verdict()]
    assert records.verdicts("flights", grant) == records.verdicts("flights", kind="grant") == [of_grant]
    assert records.verdicts("flights", release) == records.verdicts("flights", Scope("grant", "other")) == []
    with pytest.raises(ValueError, match="grant 2013-S01 is not a sprint"):
        _ = of_grant.sprint
    assert records.measure("flights", "2013-S01", "departures", "v1", {"rows": 1})
    assert records.measure("flights", grant, "departures", "v2", {"rows": 2})
    assert not records.measure("flights", grant, "departures", "v2", {"rows": 2})
    found = records.measurements("flights", grant)["2013-S01", "departures"]
    assert (found.scope, found.facts) == (grant, {"rows": 2})
    assert records.measurements("flights")["2013-S01", "departures"].facts == {"rows": 1}
    assert records.measurements("flights", kind="grant") == {("2013-S01", "departures"): found}
    assert records.measurements("flights", release) == {}


@pytest.mark.parametrize("place", [("", "g-1"), ("grant", "")])
def test_a_scope_has_a_kind_and_a_key(place):
    with pytest.raises(ValueError, match="needs a kind and a key"):
        Scope(*place)


def test_an_event_carries_the_platform_s_time_beside_the_wall_clock_s(tmp_path):
    home = Home(tmp_path)
    records = open_records(home)
    Clock(home.clock).move(datetime(2013, 1, 15, 6, tzinfo=UTC))
    replayed = records.append(NOTE, "", None, "platform", note())
    Clock(home.clock).release()
    live = records.append(NOTE, "", None, "platform", note())
    assert replayed.as_of == replayed.platform_time == datetime(2013, 1, 15, 6, tzinfo=UTC)
    assert replayed.at.year > 2013
    assert live.as_of is not None and replayed.at <= live.as_of
    assert records.events() == [replayed, live]


def test_measurements_keep_the_latest_facts(records):
    assert records.measure("flights", "2013-S01", "departures", "v1", {"rows": 3, "late": 0.25})
    written = records.measurements("flights")["2013-S01", "departures"]
    assert not records.measure("flights", "2013-S01", "departures", "v1", {"late": 0.25, "rows": 3})
    assert records.measurements("flights")["2013-S01", "departures"] == written
    assert records.measure("flights", "2013-S01", "departures", "v2", {"rows": 4})
    records.measure("flights", "2013-S02", "departures", "v1", {})
    assert records.measurements("flights", "2013-S01").keys() == {("2013-S01", "departures")}
    assert records.measurements("flights", "2013-S01")["2013-S01", "departures"].facts == {"rows": 4}
    with pytest.raises(ValueError, match=r"body\.late is nan"):
        records.measure("flights", "2013-S01", "departures", "v3", {"late": float("nan")})


# --- the file


def test_the_file_is_durable_and_carries_its_version(records, file):
    assert sqlite3.connect(file).execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with records._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert Records.migrate(records.url) == SCHEMA_VERSION
    connection = sqlite3.connect(file)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    with pytest.raises(RecordsError, match="schema 99"):
        Records(records.url)
    with pytest.raises(RecordsError, match="newer"):
        Records.migrate(records.url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite://", "name a file"),
        ("mysql://host/db", "sqlite or postgresql"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_url_that_cannot_keep_records_is_refused(url, told):
    with pytest.raises(RecordsError, match=told):
        Records(url)


def test_a_file_that_is_no_database_is_told(file):
    file.write_text("not a database at all, but long enough to look like a header of one")
    with pytest.raises(RecordsError, match="cannot be opened"):
        Records(f"sqlite:///{file}")


# --- a product is removed


def test_of_a_removed_product_nothing_counts_and_nothing_is_lost(records):
    def recorded(product, state):
        records.append(NOTE, product, "2013-S01", "sensor", note(state), key="2013-S01")
        records.record_verdicts([replace(verdict(sentence=state), product=product)])
        records.measure(product, "2013-S01", "departures", state, {"rows": 1})

    def counted(product):
        return (
            [event.body for event in records.events(product, NOTE)],
            [one.sentence for one in records.verdicts(product)],
            [one.data_version for one in records.measurements(product).values()],
        )

    for product in ("flights", "trains"):
        recorded(product, "first life")
    removed = records.remove("flights", "dana")
    assert (removed.kind, removed.product, removed.actor) == ("removed", "flights", "dana")
    assert counted("flights") == ([], [], [])
    assert counted("trains") == ([note("first life")], ["first life"], ["first life"])
    assert records.remove("flights", "sam") == removed, "nothing was recorded since"

    recorded("flights", "first life")  # the very same again is no repetition of what no longer counts
    assert counted("flights") == ([note("first life")], ["first life"], ["first life"])
    recorded("flights", "first life")
    assert len(records.events("flights")) == 1, "within a life a key is still appended once"
    assert records.events("flights", after=1)[0].seq == 4

    again = records.remove("flights", "sam")
    assert again.seq > removed.seq and counted("flights") == ([], [], [])
    assert [event.kind for event in records.events()] == [NOTE, NOTE, REMOVED, NOTE, REMOVED]
    assert records.verify().ok


def test_nothing_is_removed_from_a_ledger_whose_end_was_cut_off(records, file):
    records.measure("flights", "2013-S01", "departures", "v1", {})
    for sprint in ("2013-S01", "2013-S02"):
        records.append(NOTE, "flights", sprint, "sensor", note())
    tampered(file, "DELETE FROM ledger WHERE seq = 2")
    with pytest.raises(RecordsError, match="does not carry event 2"):
        records.remove("flights", "dana")
    assert records.measurements("flights"), "all or nothing"
