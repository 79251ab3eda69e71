"""Another hand's change of a verdict or a measurement is found, and named; the platform's own writes never are."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledger_events import NOTE, body, note

from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.chain import Head
from sprintline.mechanisms.ledger.ledger import LedgerReport
from sprintline.mechanisms.ledger.records import Records, RecordsError
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import CLOSED

SPRINTS = ("2013-S01", "2013-S02", "2013-S03")
ASSETS, CODES = ("departures", "weather"), ("DQ101", "DQ102", "DQ103")


def verdict(
    sprint: str, code: str, asset: str, outcome: Outcome = Outcome.PASS, version: str = "v1"
) -> Verdict:
    said = f"{code} says {outcome} of {version}"
    return Verdict("flights", Scope.sprint(sprint), code, asset, outcome, Severity.ERROR, said, version)


def closed(records: Records, sprint: str, key: str) -> None:
    said = body(CLOSED, rests_on=records.rests_on("flights", sprint))
    records.append(CLOSED, "flights", sprint, "test", said, key=key)


def written(folder: Path) -> Records:
    """Three sprints, judged, measured and closed; the first was restated, judged again and closed again."""
    records = Records(f"sqlite:///{folder}/records.db")
    for sprint in SPRINTS:
        for asset in ASSETS:
            records.measure("flights", sprint, asset, "v1", {"rows": 10, "late": 0.25})
            outcome = Outcome.FAIL if sprint == SPRINTS[1] else Outcome.PASS
            records.record_verdicts([verdict(sprint, code, asset, outcome) for code in CODES])
        closed(records, sprint, "first")
    records.measure("flights", SPRINTS[0], "weather", "v2", {"rows": 11, "late": 0.5})
    records.record_verdicts([verdict(SPRINTS[0], code, "weather", version="v2") for code in CODES])
    closed(records, SPRINTS[0], "second")
    # After the last closing: no event covers it yet, and it is found all the same.
    records.record_verdicts([verdict(SPRINTS[2], "DQ101", "weather", Outcome.FAIL, "v3")])
    records.measure("flights", SPRINTS[2], "departures", "v3", {"rows": 12, "late": 0.1})
    return records


@pytest.fixture
def records(tmp_path) -> Records:
    return written(tmp_path)


def tamper(records: Records, *statements: str) -> None:
    """Change the file as somebody would who knows SQLite: guards dropped first."""
    with sqlite3.connect(records.url.removeprefix("sqlite:///")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
    connection.close()


def named(report: LedgerReport) -> set[tuple[str, str, str, str]]:
    return {(one.kind, one.scope.key, one.what, one.of) for one in report.records.changed}


# --- what the platform writes itself -------------------------------------------------------------------------------


def test_what_the_platform_writes_is_no_change(records):
    report = records.verify()
    assert report.ok and not report.records.changed and report.records.broken is None
    assert (report.records.covered, report.records.without, report.records.found) == (4, (), 0)
    assert records.changed("flights") == []
    assert records.changed("flights", SPRINTS[0]) == []


def test_repeated_judged_again_measured_again_removed_and_started_again(records):
    for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.PASS):
        records.record_verdicts([verdict(SPRINTS[1], "DQ101", "weather", outcome, "v9")])
        records.record_verdicts([verdict(SPRINTS[1], "DQ101", "weather", outcome, "v9")])
    for rows in (3, 3, 4):
        records.measure("flights", SPRINTS[1], "weather", "v9", {"rows": rows})
    assert records.verify().ok
    for _ in range(2):
        records.remove("flights", "dana")
        assert records.verify().ok and records.changed("flights") == []
        records.measure("flights", SPRINTS[0], "weather", "v1", {"rows": 10})
        records.record_verdicts([verdict(SPRINTS[0], "DQ101", "weather")])
        closed(records, SPRINTS[0], "first")
        assert records.verify().ok


def test_an_older_closing_counts_as_not_covered_never_as_verified(records):
    records.append(CLOSED, "flights", SPRINTS[2], "test", body(CLOSED), key="old")
    report = records.verify()
    assert report.ok and report.records.without == (5,) and report.records.covered == 4


# --- what another hand does ----------------------------------------------------------------------------------------

EDITS = {
    "all verdicts pass": (
        "UPDATE verdicts SET outcome = 'pass' WHERE outcome <> 'pass'",
        {("verdict", SPRINTS[1], "changed", f"{code} on {asset}") for code in CODES for asset in ASSETS}
        | {("verdict", SPRINTS[2], "changed", "DQ101 on weather")},
    ),
    "an edited fact": (
        "UPDATE measurements SET facts = replace(facts, '0.25', '0.2')"
        " WHERE scope_key = '2013-S02' AND asset = 'weather'",
        {("measurement", SPRINTS[1], "changed", "weather")},
    ),
    "an edited data version": (
        "UPDATE measurements SET data_version = 'v7' WHERE scope_key = '2013-S02' AND asset = 'weather'",
        {("measurement", SPRINTS[1], "changed", "weather")},
    ),
    "a deleted verdict": (
        "DELETE FROM verdicts WHERE scope_key = '2013-S03' AND data_version = 'v3'",
        {("verdict", SPRINTS[2], "deleted", "DQ101 on weather")},
    ),
    "an inserted verdict": (
        "INSERT INTO verdicts (product, scope_key, code, asset, subject, outcome, severity, observed, threshold,"
        " sentence, data_version, at, scope_kind) SELECT product, scope_key, code, asset, subject, 'pass',"
        " severity, observed, threshold, sentence, data_version, at, scope_kind"
        " FROM verdicts WHERE scope_key = '2013-S02' AND code = 'DQ102'"
        " AND asset = 'weather'",
        {("verdict", SPRINTS[1], "added", "DQ102 on weather")},
    ),
    "a moved sprint": (
        "UPDATE verdicts SET scope_key = '2013-S02' WHERE scope_key = '2013-S01' AND code = 'DQ103'"
        " AND asset = 'departures'",
        {
            ("verdict", SPRINTS[0], "deleted", "DQ103 on departures"),
            ("verdict", SPRINTS[1], "added", "DQ103 on departures"),
        },
    ),
    "another rule's verdict": (
        "UPDATE verdicts SET code = 'DQ101' WHERE scope_key = '2013-S02' AND code = 'DQ102' AND asset = 'weather'",
        {
            ("verdict", SPRINTS[1], "deleted", "DQ102 on weather"),
            ("verdict", SPRINTS[1], "added", "DQ101 on weather"),
        },
    ),
    "a deleted measurement": (
        "DELETE FROM measurements WHERE scope_key = '2013-S02' AND asset = 'departures'",
        {("measurement", SPRINTS[1], "deleted", "departures")},
    ),
    "an added measurement": (
        "INSERT INTO measurements SELECT product, scope_kind, scope_key, 'scores', data_version, facts, at"
        " FROM measurements WHERE scope_key = '2013-S02' AND asset = 'weather'",
        {("measurement", SPRINTS[1], "added", "scores")},
    ),
}  # fmt: skip


@pytest.mark.fault
@pytest.mark.parametrize("name", EDITS)
def test_sprint_and_rule_or_measurement_are_named(records, name):
    statement, due = EDITS[name]
    tamper(records, statement)
    report = Records(records.url).verify()
    assert not report.ok and report.broken is None and named(report) == due
    for sprint in SPRINTS:  # a sprint by itself tells as much as all of them
        alone = {(one.kind, one.scope.key, one.what, one.of) for one in records.changed("flights", sprint)}
        assert alone == {one for one in due if one[1] == sprint}, sprint
    # Added with a lower number than the sprint's own verdict, it is not the one that gates read.
    assert all(
        one.counts for one in report.records.changed if (name, one.what) != ("a moved sprint", "added")
    )


@pytest.mark.fault
@pytest.mark.parametrize("sprint", SPRINTS[:2])
def test_two_sprints_that_were_swapped(records, sprint):
    tamper(
        records,
        "UPDATE verdicts SET scope_key = 'x' WHERE scope_key = '2013-S01'",
        "UPDATE verdicts SET scope_key = '2013-S01' WHERE scope_key = '2013-S02'",
        "UPDATE verdicts SET scope_key = '2013-S02' WHERE scope_key = 'x'",
    )
    found = records.changed("flights", sprint)
    assert {one.what for one in found} == {"deleted", "added"} and {one.of for one in found} == {
        f"{code} on {asset}" for code in CODES for asset in ASSETS
    }


@pytest.mark.fault
def test_judged_or_measured_again_it_counts_no_longer_and_accepted_it_is_no_finding(records):
    tamper(records, EDITS["all verdicts pass"][0], EDITS["an edited fact"][0])
    # The same as before the change: were it taken for a repetition, the change would stay.
    for code in CODES:
        for asset in ASSETS:
            records.record_verdicts([verdict(SPRINTS[1], code, asset, Outcome.FAIL)])
    assert records.measure("flights", SPRINTS[1], "weather", "v1", {"rows": 10, "late": 0.25})
    found = records.changed("flights", SPRINTS[1])
    assert len(found) == 6 and not any(one.counts for one in found)
    assert all(one.outcome is Outcome.FAIL for one in records.verdicts("flights", SPRINTS[1]))
    assert not records.verify().ok
    event = records.accept("dana", "found and judged again")
    assert len(event.body["changed"]) == 7 and "DQ101 on weather was changed" in " ".join(
        event.body["changed"]
    )
    assert records.verify().ok and records.changed("flights", SPRINTS[1]) == []


@pytest.mark.fault
def test_a_verdict_that_says_what_was_planted_is_written_beside_it(records):
    tamper(records, EDITS["all verdicts pass"][0])
    planted = replace(verdict(SPRINTS[1], "DQ101", "weather", Outcome.FAIL), outcome=Outcome.PASS)
    assert records.record_verdicts([planted]) == 1
    assert "DQ101 on weather" not in {one.of for one in records.changed("flights", SPRINTS[1]) if one.counts}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE verdicts SET outcome = 'fine' WHERE scope_key = '2013-S02'", "cannot be read .*fine"),
        ("UPDATE verdicts SET observed = '{' WHERE scope_key = '2013-S02'", "cannot be read"),
    ],
)
def test_a_row_that_cannot_be_read_says_where_and_what_to_do(records, statement, words):
    tamper(records, statement)
    with pytest.raises(RecordsError, match=f"verdict .*2013-S02.*{words}.*ledger verify"):
        records.verdicts("flights", SPRINTS[1])
    assert not records.verify().ok
    tamper(records, "UPDATE measurements SET facts = '{' WHERE scope_key = '2013-S02'")
    with pytest.raises(RecordsError, match=r"measurement departures .*cannot be read"):
        records.measurements("flights", SPRINTS[1])


# --- what is done to the log of writes itself ------------------------------------------------------------------------


def recompute(records: Records, change) -> None:
    """Change seals and compute the log again from there on, as one would who knows how it is made."""
    rows = []
    with records._engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(seals.SEALS.select()).mappings()]
    rows = change(sorted(rows, key=lambda row: row["seq"]))
    head = Head(0, "0" * 64)
    for row in rows:
        row |= {"seq": head.seq + 1, "prev": head.hash}
        row["hash"] = seals._hash_of(row)
        head = Head(row["seq"], row["hash"])
    tamper(records, "DELETE FROM seals")
    with records._engine.begin() as connection:
        connection.execute(seals.SEALS.insert(), rows)


def passing(records: Records, of: str, sprint: str):
    """A verdict made to pass, and its seal to fit."""
    tamper(
        records,
        f"UPDATE verdicts SET outcome = 'pass' WHERE scope_key = '{sprint}' AND code || ' on ' || asset = '{of}'"
        " AND outcome = 'fail'",
    )
    with records._engine.connect() as connection:
        there = seals.lying_there(connection)[("flights", Scope.sprint(sprint))]

    def change(rows):
        for row in rows:
            if (row["scope_key"], row["of"], row["kind"]) == (sprint, of, "verdict"):
                row["digest"] = there[seals.Place("verdict", row["row"])].digest
        return rows

    return change


@pytest.mark.fault
def test_a_log_computed_again_from_before_a_closing_does_not_fit_the_closing(records):
    recompute(records, passing(records, "DQ102 on weather", SPRINTS[1]))
    report = records.verify()
    assert (
        not report.ok and "closed of flights 2013-S02" in report.records.broken and not report.records.changed
    )


@pytest.mark.fault
def test_a_log_computed_again_after_the_last_closing_does_not_fit_the_head(records):
    recompute(records, passing(records, "DQ101 on weather", SPRINTS[2]))
    report = records.verify()
    assert not report.ok and "head file" in report.records.broken
    with pytest.raises(RecordsError, match="cut off or recomputed"):
        records.measure("flights", SPRINTS[2], "weather", "v4", {})


@pytest.mark.fault
@pytest.mark.parametrize(
    ("keep", "words"), [(-1, "not the one that the head file names"), (3, "are missing")]
)
def test_a_log_that_was_cut_off(records, keep, words):
    recompute(records, lambda rows: rows[:keep])
    report = records.verify()
    assert not report.ok and words in report.records.broken
    with pytest.raises(RecordsError, match="cut off or recomputed"):
        records.record_verdicts([verdict(SPRINTS[2], "DQ101", "weather")])


# --- many at random ------------------------------------------------------------------------------------------------


def _tables(file: Path) -> dict[str, list[str]]:
    with sqlite3.connect(file) as connection:
        return {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for table in ("verdicts", "measurements", "seals", "ledger")
        }


def _at_random(chance: random.Random, file: Path) -> str:
    """One act on one row of one table; says what it was."""
    tables = _tables(file)
    table = chance.choice(sorted(tables))
    columns = [name for name in tables[table] if name != "signature"]
    with sqlite3.connect(file) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        ids = [one for (one,) in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        act = chance.choice(("edit", "edit", "delete", "insert", "swap", "cut"))
        row, other = chance.sample(ids, 2)
        name = chance.choice(columns)
        if act == "edit":
            connection.execute(
                f"UPDATE {table} SET {name} = CASE typeof({name}) WHEN 'integer' THEN {name} + 1000 "
                f"ELSE coalesce({name}, '') || '1' END WHERE rowid = ?", (row,)
            )  # fmt: skip
        elif act == "delete":
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
        elif act == "cut":
            connection.execute(f"DELETE FROM {table} WHERE rowid >= ?", (row,))
        elif act == "insert":
            unique = {"verdicts": "id", "seals": "seq", "ledger": "seq"}.get(table)
            copied = [
                f"'new ' || {one}" if one in ("prev", "hash", "key", "asset") else one for one in columns
            ]
            copied = [
                "(SELECT max(rowid) + 1 FROM " + table + ")" if one == unique else one for one in copied
            ]
            connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(copied)} FROM {table} WHERE rowid = ?",
                (row,),
            )
        else:  # what two rows say, exchanged
            apart = (
                "id",
                "seq",
                "prev",
                "hash",
                "key",
                "asset",
                "kind",
                "product",
                "sprint",
                "scope_kind",
                "scope_key",
            )
            said = [one for one in columns if one not in apart]
            values = {
                key: connection.execute(
                    f"SELECT {', '.join(said)} FROM {table} WHERE rowid = ?", (key,)
                ).fetchone()
                for key in (row, other)
            }
            if values[row] == values[other]:
                return ""
            for key, value in ((row, values[other]), (other, values[row])):
                connection.execute(
                    f"UPDATE {table} SET {', '.join(f'{one} = ?' for one in said)} WHERE rowid = ?",
                    (*value, key),
                )
    connection.close()
    return f"{act} {table} {name} {row} {other}"


@pytest.mark.fault
def test_hundreds_of_random_acts_are_all_found(tmp_path):
    records = written(tmp_path)
    records.append(NOTE, "flights", None, "test", note())
    records.close()
    file = tmp_path / "records.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole, unseen, tried = file.read_bytes(), [], 0
    for seed in range(200):
        for one in tmp_path.glob("records.db*"):
            one.unlink()
        file.write_bytes(whole)
        act = _at_random(random.Random(seed), file)
        if not act:
            continue
        tried += 1
        again = Records(records.url)
        if again.verify().ok:
            unseen.append(act)
        again.close()
    assert tried > 150 and unseen == []
