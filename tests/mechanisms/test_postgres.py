"""State in PostgreSQL, on a real server: the same promises as in files, and a server that dies is reported and got
over."""

import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import psycopg2
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.ledger_events import NOTE, note
from tests.mechanisms.test_migrations import old
from tests.postgres import PASSWORD, running

from sprintline.base.databases import connect
from sprintline.base.errors import error_text
from sprintline.base.settings import Home
from sprintline.hosting.instance import InstanceError, environment, prepare
from sprintline.learning.registry import Models
from sprintline.mechanisms.ledger.migrate import VERSION_TABLE, migrate
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.ledger.record_tables import METADATA, SCHEMA_VERSION
from sprintline.mechanisms.ledger.records import Records, RecordsError
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.state.backup import BackupError, back_up
from sprintline.state.restore import restore

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


@pytest.fixture
def url(server, request):
    return server.database(request.node.name[:60])


@pytest.fixture
def records(url, tmp_path):
    return Records(url, head_file=tmp_path / "ledger.head")


def verdict(sprint="2013-S01", version="v1", outcome=Outcome.PASS):
    return Verdict(
        product="flights", scope=sprint, code="DQ101", asset="departures", outcome=outcome, severity=Severity.ERROR,
        sentence="all rows § are there", data_version=version, observed={"rows": 3}, threshold=0.5,
    )  # fmt: skip


def append_many(url, head_file, start, worker, count):
    start.wait()  # all of them meet the same empty database
    records = Records(url, head_file=head_file)
    for i in range(count):
        records.append(NOTE, "flights", f"2013-S{worker:02d}", f"worker {worker}", note(i), key=f"{i // 2}")
        records.record_verdicts([verdict(sprint=f"2013-S{worker:02d}", version=str(i))])


def test_what_is_recorded_comes_back_as_it_does_from_a_file(records, url, tmp_path):
    moment = datetime(2013, 1, 15, 12, 0, 0, 5, tzinfo=UTC)
    here = [records, Records(f"sqlite:///{tmp_path}/file/records.db")]
    for one in here:
        one._clock = lambda: moment
        one.append(NOTE, "flights", "2013-S01", "platform", note("why § 1"), key="a")
        one.append(NOTE, "flights", "2013-S01", "someone", note("again"), key="a")
        one.append(NOTE, "", None, "someone", note())
        one.record_verdicts(
            [verdict(), verdict(outcome=Outcome.FAIL, version="v2"), verdict(sprint="2013-S02")]
        )
        one.record_verdicts([verdict(sprint="2013-S02")])
        one.measure("flights", "2013-S01", "departures", "v1", {"late": 0.25})
        one.measure("flights", "2013-S01", "departures", "v2", {"late": None})
    there, file = here
    assert there.events() == file.events()
    assert there.verdicts("flights") == file.verdicts("flights")
    assert len(there.verdicts("flights")) == 2
    assert there.measurements("flights") == file.measurements("flights")
    # The chain is the same, hash by hash: a ledger can move from a file to a server.
    assert there.verify() == file.verify()
    assert there.verify().ok


def test_four_processes_on_an_empty_database_keep_one_chain(url, tmp_path):
    head_file, start = tmp_path / "ledger.head", SPAWN.Event()
    workers = [
        SPAWN.Process(target=append_many, args=(url, head_file, start, worker, 20)) for worker in range(4)
    ]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    records = Records(url, head_file=head_file)
    report = records.verify()
    assert report.ok, report.broken
    assert report.events == 40  # each key was given twice
    assert report.head_file == report.head
    assert [event.seq for event in records.events()] == list(range(1, 41))
    assert len({event.actor for event in records.events()[:20]}) > 1  # they did meet
    assert len(records.verdicts("flights")) == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'mallory' WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 2",
        "TRUNCATE ledger",
        "UPDATE verdicts SET outcome = 'pass'",
        "DELETE FROM verdicts",
        "TRUNCATE verdicts",
    ],
)
def test_the_server_itself_refuses_changes(shared, statement):
    records, url = shared
    with (
        psycopg2.connect(url) as connection,
        pytest.raises(psycopg2.errors.RaiseException, match="append-only"),
    ):
        connection.cursor().execute(statement)
    connection.close()
    assert records.verify().ok
    assert records.verdicts("flights")[0].outcome is Outcome.FAIL


@pytest.fixture(scope="module")
def shared(server, tmp_path_factory):
    url = server.database("guarded")
    records = Records(url, head_file=tmp_path_factory.mktemp("head") / "ledger.head")
    for i in range(2):
        records.append(NOTE, "flights", None, "platform", note(i))
    records.record_verdicts([verdict(outcome=Outcome.FAIL)])
    return records, url


def test_a_cut_end_of_the_ledger_is_found(records, url):
    for i in range(3):
        records.append(NOTE, "flights", None, "platform", note(i))
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
        cursor.execute("DELETE FROM ledger WHERE seq = 3")
    connection.close()
    assert records.verify().broken.seq == 3
    with pytest.raises(RecordsError, match="nothing was appended"):
        records.append(NOTE, "flights", None, "platform", note())


def of_version_1(url):
    """What a database of version 1 holds of one sprint, on a server."""
    engine, _ = connect(url)
    migrate(engine, to=1)
    place = "'flights', '2013-S01', 'departures'"
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO verdicts (product, sprint, asset, code, subject, outcome, severity, observed, threshold,"
            f" sentence, data_version, at) VALUES ({place}, 'DQ101', '', 'fail', 'error', '3', '0.5', 'old', 'v1', 'x')"
        )
        connection.exec_driver_sql(
            "INSERT INTO measurements (product, sprint, asset, data_version, facts, at)"
            f" VALUES ({place}, 'v1', '{{}}', '2013-01-15T12:07:00.000000Z')"
        )
    return engine


def test_records_of_version_1_are_read_on_and_their_guards_stand(url, tmp_path):
    engine = of_version_1(url)
    with pytest.raises(
        RecordsError, match=r"has schema 1, this Sprintline needs 3: run `sprintline migrate`"
    ):
        Records(url, head_file=tmp_path / "ledger.head")
    assert Records.migrate(url) == 1
    records = Records(url, head_file=tmp_path / "ledger.head")
    (kept,) = records.verdicts("flights", "2013-S01")
    assert (kept.scope, kept.sentence, kept.observed) == (Scope.sprint("2013-S01"), "old", 3)
    assert records.measurements("flights")["2013-S01", "departures"].data_version == "v1"
    other = replace(kept, scope=Scope("grant", "2013-S01"))
    assert records.record_verdicts([kept, other]) == 1
    assert records.verdicts("flights", other.scope) == [other]
    assert records.measure("flights", other.scope, "departures", "v2", {})
    assert records.append(NOTE, "", None, "platform", note()).as_of is not None
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql("UPDATE verdicts SET scope_kind = 'sprint'")


def test_a_backup_of_version_1_comes_to_an_empty_server(home, tmp_path, monkeypatch):
    there = Home(tmp_path / "there")
    there.root.mkdir()
    old(there.root)
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL", f"sqlite:///{there.root / 'records.db'}")
    assert back_up(there, tmp_path / "b.tar.zst").schema == 1
    monkeypatch.delenv("SPRINTLINE_RECORDS_URL")
    notes = restore(tmp_path / "b.tar.zst", home).notes
    assert "had schema 1 and were migrated to 3" in notes[0]
    assert "copied to the server, up to event 5" in notes[1]
    assert open_records(home).verify().ok
    assert len(open_records(home).verdicts("parcels")) == 3


def test_a_changed_platform_time_is_found_on_a_server(records, url):
    records.append(NOTE, "", None, "platform", note())
    engine, _ = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger DISABLE TRIGGER USER")
        connection.exec_driver_sql("UPDATE ledger SET as_of = NULL")
    assert records.verify().broken.seq == 1


def test_the_revisions_make_what_the_code_reads_and_take_an_older_database_along(url, tmp_path):
    records = Records(url, head_file=tmp_path / "ledger.head")
    records.append(NOTE, "", None, "platform", note())
    engine = records._engine
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
        # As it was before Alembic kept note.
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
        connection.commit()
    assert [Records.migrate(url) for _ in range(2)] == [SCHEMA_VERSION, SCHEMA_VERSION]
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "next.py").write_text(
        f"from alembic import op\nrevision, down_revision = '{SCHEMA_VERSION + 1:04d}', '{SCHEMA_VERSION:04d}'\n"
        "def upgrade():\n    op.execute('ALTER TABLE measurements ADD COLUMN unit TEXT')\n"
    )
    start, said = SPAWN.Event(), SPAWN.Queue()
    workers = [SPAWN.Process(target=migrate_at_once, args=(url, folder, start, said)) for _ in range(3)]
    for worker in workers:
        worker.start()
    start.set()
    assert sorted(said.get(timeout=60) for _ in workers) == [SCHEMA_VERSION] + [SCHEMA_VERSION + 1] * 2
    assert records.verify().events == 1
    with pytest.raises(RecordsError, match="the Sprintline that wrote it"):
        Records(url, head_file=tmp_path / "ledger.head")


def migrate_at_once(url, folder, start, said):
    engine, _ = connect(url)
    start.wait()
    said.put(migrate(engine, to=SCHEMA_VERSION + 1, more=[folder]))


# --- all of it in one database


@pytest.fixture
def home(url, tmp_path, monkeypatch):
    for name in ("RECORDS", "MLFLOW", "DAGSTER"):
        monkeypatch.delenv(f"SPRINTLINE_{name}_URL", raising=False)
    monkeypatch.setenv("SPRINTLINE_DATABASE_URL", url)
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "state"))
    return Home(tmp_path / "state")


RUN = """
import os
import dagster as dg
from sprintline.base.settings import home
from sprintline.state.sensors import prune
bread = dg.asset(name="bread")(lambda: 1)
with dg.DagsterInstance.get() as instance:
    assert dg.materialize([bread], instance=instance).success
    print(type(instance.event_log_storage).__name__, instance.get_runs_count())
    print(instance.get_latest_materialization_event(dg.AssetKey("bread")).asset_materialization.asset_key.to_user_string())
    run = instance.get_run_records()[0].dagster_run.run_id
    os.environ["SPRINTLINE_KEEP_RUN_LOGS_DAYS"] = "0"
    before = len(instance.all_logs(run))
    gone = prune(home(), instance)[0].removed
    print(gone, before > 9, [one.dagster_event_type.value for one in instance.all_logs(run)])
    print(prune(home(), instance)[0].removed)
    print(instance.get_latest_materialization_event(bread.key).asset_materialization.asset_key.to_user_string())
"""


def test_records_mlflow_and_dagster_live_in_one_database_side_by_side(home, url):
    records = open_records(home)
    records.append(NOTE, "", None, "platform", note())
    assert records.verify().head_file.seq == 1  # the head file is in the state folder
    models = Models(home, "bakery")
    assert models.init() == models.init()
    assert models.alias("champion") is None
    prepare(home)
    assert prepare(home) == home.dagster
    assert "password" not in (home.dagster / "dagster.yaml").read_text()
    for file in home.root.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file
        assert not file.is_file() or b"s3cr%40t" not in file.read_bytes(), file
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN],
        env=environment(home),
        text=True,
        capture_output=True,
        check=False,
    )
    assert not said.returncode, said.stderr[-2000:]
    assert said.stdout.splitlines() == [
        "PostgresEventLogStorage 1",
        "bread",
        "1 True ['ASSET_MATERIALIZATION_PLANNED', 'ASSET_MATERIALIZATION']",
        "0",
        "bread",
    ]
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, count(*) FROM information_schema.tables"
            " WHERE table_name IN ('runs', 'ledger') GROUP BY 1 ORDER BY 1"
        )
        assert cursor.fetchall() == [
            ("sprintline_dagster", 1),
            ("sprintline_mlflow", 1),
            ("sprintline_records", 1),
        ]
    connection.close()
    assert not list(home.root.rglob("*.db"))


def test_a_dagster_yaml_of_one_s_own_that_names_no_server_is_not_passed_over(home):
    home.dagster.mkdir(parents=True)
    (home.dagster / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.raises(InstanceError, match=r"was edited and keeps no state in PostgreSQL") as caught:
        prepare(home)
    assert "s3cr" not in str(caught.value)


def test_records_on_a_server_are_in_the_backup_and_the_rest_is_named(home, server, tmp_path, monkeypatch):
    records = open_records(home)
    for n in range(3):
        records.append(NOTE, "", None, "platform", note(n))
    records.record_verdicts([verdict()])
    file = tmp_path / "saved.tar.zst"
    manifest = back_up(home, file)
    assert manifest.ledger["seq"] == 3
    assert [lack.partition(" are on")[0] for lack in manifest.lacks] == [
        "MLflow's runs and versions",
        "Dagster's runs and events",
    ]
    assert all("pg_dump" in lack for lack in manifest.lacks)
    # Over the server they came from: its records are left as they are, being of the same history.
    records.append(NOTE, "", None, "platform", note(3))
    done = restore(file, home, replace=True)
    assert "go on from the backup's event 3" in done.notes[0]
    assert records.events()[-1].body == note(3)
    # To an empty server, and to a file.
    monkeypatch.setenv("SPRINTLINE_DATABASE_URL", server.database("another"))
    there = Home(tmp_path / "there")
    assert "copied to the server, up to event 3" in restore(file, there).notes[0]
    copied = open_records(there)
    assert copied.verify().ok
    assert copied.append(NOTE, "", None, "platform", note()).seq == 4
    assert copied.record_verdicts([verdict(version="v2")]) == 1
    monkeypatch.delenv("SPRINTLINE_DATABASE_URL")
    local = Home(tmp_path / "local")
    restore(file, local)
    assert open_records(local).verify().events == 3
    assert open_records(local).verdicts("flights") == records.verdicts("flights")
    # A server with another history takes nothing.
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL", server.database("other history"))
    open_records(Home(tmp_path / "stranger")).append(NOTE, "", None, "somebody", note())
    with pytest.raises(BackupError, match="another history"):
        restore(file, Home(tmp_path / "fourth"))


# --- a server that goes away (last: they stop it)


def test_a_server_killed_in_the_middle_is_told_and_the_next_call_works(server, records, home):
    records.append(NOTE, "", None, "platform", note(1))
    models = Models(home, "bakery")
    models.init()
    server.kill()
    for call in (
        lambda: records.append(NOTE, "", None, "platform", note(2)),
        lambda: records.events(),
        lambda: Records(records.url),
    ):
        with pytest.raises(RecordsError, match=r"127\.0\.0\.1.*server") as caught:
            call()
        assert "s3cr" not in str(caught.value)
        assert "s3cr" not in error_text(caught.value)
    server.start()
    assert records.append(NOTE, "", None, "platform", note(2)).seq == 2
    assert records.verify().ok
    assert models.init() == "1"


def test_a_transaction_that_was_cut_leaves_nothing(server, records):
    records.append(NOTE, "", None, "platform", note(1))

    def killed_before_commit(*_):
        server.kill()

    sa.event.listen(records._engine, "commit", killed_before_commit)
    try:
        with pytest.raises(RecordsError, match="cannot be written"):
            records.append(NOTE, "", None, "platform", note(2))
    finally:
        sa.event.remove(records._engine, "commit", killed_before_commit)
        server.start()
    assert records.verify().events == 1
    assert records.append(NOTE, "", None, "platform", note(2)).seq == 2
    assert records.verify().ok


def test_the_wrong_password_is_told_without_it(server, monkeypatch):
    wrong = server.url("postgres").replace("s3cr", "wr0ng")
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL", wrong)
    with pytest.raises(RecordsError, match="password authentication failed") as caught:
        Records(os.environ["SPRINTLINE_RECORDS_URL"])
    assert "wr0ng" not in str(caught.value)
    assert "fix the URL" in str(caught.value)
