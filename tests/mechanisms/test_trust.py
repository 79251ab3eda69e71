"""Heads are signed and copied: a history that was made again, or put back, is found by who holds neither."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.ledger_events import NOTE, note

from sprintline.base.failpoints import VARIABLE
from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.chain import EMPTY, Head, event_hash
from sprintline.mechanisms.ledger.commands import report_lines
from sprintline.mechanisms.ledger.head_file import HeadFile, Heads
from sprintline.mechanisms.ledger.keys import PRIVATE, Keys
from sprintline.mechanisms.ledger.record_tables import LEDGER
from sprintline.mechanisms.ledger.records import Records, RecordsError
from sprintline.mechanisms.ledger.rows import event_of


@pytest.fixture
def keys(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "keys"
    monkeypatch.setenv("SPRINTLINE_KEYS", str(folder))
    return folder


@pytest.fixture
def outside(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.setenv("SPRINTLINE_LEDGER_COPY", str(folder))
    return folder


def begin(root: Path, events: int = 5) -> Records:
    root.mkdir(exist_ok=True)
    records = Records(f"sqlite:///{root}/records.db")
    for number in range(events):
        records.measure("flights", "2013-S01", "weather", f"v{number}", {"rows": number})
        records.append(NOTE, "flights", None, "platform", note(number))
    return records


@pytest.fixture
def state(tmp_path, keys) -> Path:
    begin(tmp_path / "state").close()
    return tmp_path / "state"


def again(state: Path) -> Records:
    return Records(f"sqlite:///{state}/records.db")


def tamper(state: Path, *statements: str) -> None:
    with sqlite3.connect(state / "records.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def rewrite(state: Path, actor: str = "mallory") -> Heads:
    """Make the whole history again as another's, as one can who knows the code; gives its heads."""
    records = again(state)
    with records._engine.connect() as connection:
        events = [
            event_of(row) for row in connection.execute(LEDGER.select().order_by(LEDGER.c.seq)).mappings()
        ]
        log = [
            dict(row)
            for row in connection.execute(seals.SEALS.select().order_by(seals.SEALS.c.seq)).mappings()
        ]
    statements, prev = [], EMPTY.hash
    for event in events:
        made = event_hash(
            seq=event.seq, prev=prev, at=event.at, kind=event.kind, product=event.product, sprint=event.sprint,
            actor=actor, body=event.body, key=event.key, as_of=event.as_of,
        )  # fmt: skip
        statements.append(
            f"UPDATE ledger SET actor = '{actor}', prev = '{prev}', hash = '{made}' WHERE seq = {event.seq}"
        )
        prev = made
    heads = Heads(Head(len(events), prev), Head(len(log), log[-1]["hash"]) if log else EMPTY)
    records.close()
    tamper(state, *statements)
    return heads


def write_head(state: Path, heads: Heads, signature: str | None = None) -> None:
    said = {**heads.as_dict(), **({"signature": signature} if signature else {})}
    (state / "ledger.head").write_text(json.dumps(said))


def refused(state: Path, *words: str) -> None:
    """Neither verified nor appended to; both say why."""
    records = again(state)
    report = records.verify()
    told = " ".join(report_lines(report))
    assert not report.ok and all(word in told for word in words), told
    with pytest.raises(RecordsError) as error:
        records.append(NOTE, "flights", None, "platform", note())
    assert all(word in str(error.value) for word in words) and "sprintline ledger accept" in str(error.value)
    with pytest.raises(RecordsError):
        records.measure("flights", "2013-S09", "weather", "v1", {})
    assert records.trouble() is not None
    records.close()


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_made_on_first_use_outside_the_state_folder_for_this_user_alone(state, keys):
    file = keys / PRIVATE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(keys.stat().st_mode) == 0o700
    report = again(state).verify()
    assert report.ok and report.trust.signed_by == Keys(keys).own()
    assert [one.name for one in keys.glob("*.pub")] == [f"{report.trust.signed_by}.pub"]
    assert not list(state.glob("*.key"))


def test_the_default_folder_is_in_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("SPRINTLINE_KEYS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Keys.of_settings().folder == tmp_path / ".config" / "sprintline" / "keys"


def test_many_first_users_agree_on_one_key(tmp_path):
    code = (
        "import sys; from pathlib import Path; from sprintline.mechanisms.ledger.keys import Keys;"
        "print(Keys(Path(sys.argv[1])).sign('x').partition('.')[0])"
    )
    folder = str(tmp_path / "keys")
    running = [
        subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert {one.communicate(timeout=120)[0].strip() for one in running} == {Keys(Path(folder)).own()}


def test_without_a_place_for_a_key_all_goes_on_and_verify_says_so(tmp_path, monkeypatch):
    (tmp_path / "no-folder").write_text("a file")
    monkeypatch.setenv("SPRINTLINE_KEYS", str(tmp_path / "no-folder" / "keys"))
    records = begin(tmp_path / "state")
    report = records.verify()
    told = " ".join(report_lines(report))
    assert report.ok and report.trust.signed_by is None
    assert "head of the ledger is not signed" in told and "Set SPRINTLINE_KEYS" in told
    assert "No copy of the head" in report.trust.limits[1] and "SPRINTLINE_LEDGER_COPY" in told


def test_a_key_that_others_can_read_or_that_lies_in_the_state_folder_is_said(state, keys, monkeypatch):
    (keys / PRIVATE).chmod(0o644)
    assert any("chmod 600" in one for one in again(state).verify().trust.limits)
    (keys / PRIVATE).chmod(0o600)
    shutil.copytree(keys, state / "keys")
    monkeypatch.setenv("SPRINTLINE_KEYS", str(state / "keys"))
    assert any("lies in the state folder" in one for one in again(state).verify().trust.limits)


# --- a history made again ------------------------------------------------------------------------------------------


@pytest.mark.fault
def test_chain_and_head_made_again_without_the_key(state):
    write_head(state, rewrite(state))
    refused(state, "that is not signed", "a signature was removed or never made")


@pytest.mark.fault
def test_chain_and_head_made_again_with_the_old_signature(state):
    old = json.loads((state / "ledger.head").read_text())["signature"]
    write_head(state, rewrite(state), old)
    refused(state, "is not what key")


@pytest.mark.fault
def test_chain_and_head_made_again_with_another_key(state, tmp_path):
    heads = rewrite(state)
    write_head(state, heads, Keys(tmp_path / "mallory").sign(heads.text))
    refused(state, "is signed by key", "which is not in")


@pytest.mark.fault
def test_a_history_made_again_behind_the_true_head_or_none(state):
    rewrite(state)
    refused(state, "head file")
    (state / "ledger.head").unlink()
    refused(state, "ledger.head is missing")
    (state / "ledger.head").write_text('{"seq":0,"hash":"' + "0" * 64 + '"}')
    refused(state, "that is not signed")


@pytest.mark.fault
def test_an_emptied_ledger_without_its_head_is_no_fresh_one(state):
    tamper(state, "DELETE FROM ledger")
    (state / "ledger.head").unlink()
    refused(state, "ledger.head is missing")
    assert not (state / "ledger.head").exists()


@pytest.mark.fault
@pytest.mark.parametrize("end", ["the head says less", "events were cut"])
def test_ends_and_heads_that_were_cut_together(state, end):
    heads = Heads(
        *(
            Head(
                *sqlite3.connect(state / "records.db")
                .execute(f"SELECT seq, hash FROM {table} WHERE seq = 3")
                .fetchone()
            )
            for table in ("ledger", "seals")
        )
    )
    if end == "events were cut":
        tamper(state, "DELETE FROM ledger WHERE seq > 3", "DELETE FROM seals WHERE seq > 3")
    write_head(state, heads)
    refused(state, "that is not signed")


@pytest.mark.fault
@pytest.mark.parametrize("signature", [None, "other", "earlier"])
def test_an_event_added_after_the_head_by_another_hand(state, tmp_path, signature):
    """A crash leaves an event that the head does not name yet; it is signed, and this one is not."""
    (state / "ledger.head").rename(tmp_path / "kept.head")
    with sqlite3.connect(state / "records.db") as connection:
        earlier = connection.execute("SELECT signature FROM ledger WHERE seq = 5").fetchone()[0]
    connection.close()
    with pytest.MonkeyPatch.context() as other:
        other.setenv("SPRINTLINE_KEYS", str(tmp_path / "mallory"))
        heads = json.loads((tmp_path / "kept.head").read_text())
        stated = Heads.of({**heads, "signature": None})
        write_head(state, stated, Keys(tmp_path / "mallory").sign(stated.text))
        again(state).append(NOTE, "flights", None, "mallory", note())
    (tmp_path / "kept.head").replace(state / "ledger.head")
    if signature != "other":
        said = "NULL" if signature is None else f"'{earlier}'"
        tamper(state, f"UPDATE ledger SET signature = {said} WHERE seq = 6")
    refused(state, "carries event 6, after event 5 of its head file, that is")


@pytest.mark.fault
def test_a_lost_key_is_named_and_a_person_accepts(state, keys, tmp_path):
    was = Keys(keys).own()
    shutil.rmtree(keys)
    refused(state, f"is signed by key {was}", "a key that was lost", str(keys))
    event = again(state).accept("dana", "the disk with the keys is gone")
    assert event.body["given_up"]["seq"] == 5
    report = again(state).verify()
    assert report.ok and report.trust.signed_by == Keys(keys).own() != was
    again(state).append(NOTE, "flights", None, "platform", note())


def test_a_public_key_of_another_machine_counts(state, keys, tmp_path, monkeypatch):
    other = tmp_path / "another-machine"
    other.mkdir()
    for file in keys.glob("*.pub"):
        shutil.copy(file, other)
    monkeypatch.setenv("SPRINTLINE_KEYS", str(other))
    assert again(state).verify().ok
    again(state).append(NOTE, "flights", None, "platform", note())
    assert again(state).verify().trust.signed_by == Keys(other).own()


# --- copies ----------------------------------------------------------------------------------------------------------


def test_each_head_is_copied_and_all_copies_are_compared(keys, outside, tmp_path):
    records = begin(tmp_path / "state")
    report = records.verify()
    assert report.ok and report.trust.copies == 5 and report.trust.limits == ()
    assert "5 copied heads verified" in " ".join(report_lines(report))


def test_copies_in_the_state_folder_prove_little_and_that_is_said(state, monkeypatch):
    (state / "copies").mkdir()
    monkeypatch.setenv("SPRINTLINE_LEDGER_COPY", str(state / "copies"))
    assert "copies of the head lie in the state folder" in " ".join(report_lines(again(state).verify()))


def test_copies_begin_when_the_setting_comes(state, outside):
    assert "There is no copy of the head in" in again(state).verify().trust.limits[0]
    again(state).append(NOTE, "flights", None, "platform", note())
    assert again(state).verify().trust.copies == 1


@pytest.mark.fault
def test_an_older_state_put_back_whole_is_found_by_the_copy_and_accepted_by_a_person(keys, outside, tmp_path):
    state = tmp_path / "state"
    begin(state).close()
    shutil.copytree(state, tmp_path / "older")
    again(state).append(NOTE, "flights", None, "platform", note())
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "older", state)
    refused(state, "does not carry event 6 of the copy", "an older state was put back")
    again(state).accept("dana", "restored on purpose")
    assert again(state).verify().ok
    again(state).append(NOTE, "flights", None, "platform", note())
    assert again(state).verify().trust.copies == 2


@pytest.mark.fault
def test_a_history_made_again_by_one_who_has_the_key_is_found_by_the_copies(keys, outside, tmp_path):
    state = tmp_path / "state"
    begin(state).close()
    heads = rewrite(state)
    write_head(state, heads, Keys(keys).sign(heads.text))
    refused(state, "of the copy in")
    # Also when only what lies before the last copy was another, which the last copy alone would not show.
    lines = (outside / "ledger.heads").read_text().splitlines(keepends=True)
    last = {**heads.as_dict(), "signature": Keys(keys).sign(heads.text)}
    (outside / "ledger.heads").write_text("".join(lines[:-1]) + json.dumps(last) + "\n")
    assert "of the copy in" in " ".join(report_lines(again(state).verify()))


@pytest.mark.fault
def test_copies_of_another_ledger_or_by_no_key_are_refused(state, outside, tmp_path):
    begin(tmp_path / "other").close()
    refused(state, "of the copy in", "copies are another ledger's")
    heads = HeadFile(state / "ledger.head").read()
    (outside / "ledger.heads").write_text(json.dumps(Heads(heads.ledger, heads.seals).as_dict()) + "\n")
    refused(state, "has a copy of its head", "is not signed")


@pytest.mark.fault
def test_a_folder_that_is_not_there_or_full_is_said_before_anything_is_appended(keys, tmp_path, monkeypatch):
    records = begin(tmp_path / "state")
    monkeypatch.setenv("SPRINTLINE_LEDGER_COPY", str(tmp_path / "not-mounted"))
    with pytest.raises(
        RecordsError, match=r"not-mounted .*is not there: mount or make it.*nothing was appended"
    ):
        again(tmp_path / "state").append(NOTE, "flights", None, "platform", note())
    assert len(records.events()) == 5


@pytest.mark.fault
def test_a_copy_cut_off_by_a_crash_is_passed_over(keys, outside, tmp_path):
    begin(tmp_path / "state").close()
    file = outside / "ledger.heads"
    file.write_bytes(file.read_bytes()[:-40])
    assert again(tmp_path / "state").verify().trust.copies == 4
    again(tmp_path / "state").append(NOTE, "flights", None, "platform", note())
    report = again(tmp_path / "state").verify()
    assert report.ok and report.trust.copies == 5


# --- kills -----------------------------------------------------------------------------------------------------------

APPEND = (
    "import sys; from tests.ledger_events import NOTE, note;"
    "from sprintline.mechanisms.ledger.records import Records;"
    "r = Records(sys.argv[1]); r.append(NOTE, 'flights', None, 'platform', note('killed'), key='k');"
    "r.measure('flights', '2013-S02', 'weather', 'v1', {'rows': 1})"
)


@pytest.mark.fault
@pytest.mark.parametrize("place", ["records.before_commit", "records.before_head", "records.before_copy"])
def test_killed_between_chain_head_and_copy_the_next_start_goes_on(keys, outside, tmp_path, place):
    begin(tmp_path / "state").close()
    url = f"sqlite:///{tmp_path}/state/records.db"
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root}:{root / 'platform'}"}
    done = subprocess.run([sys.executable, "-c", APPEND, url], env={**env, VARIABLE: place}, check=False)
    assert done.returncode == -signal.SIGKILL
    records = again(tmp_path / "state")
    left = records.verify()
    assert left.ok and records.trouble() is None
    assert left.events == (5 if place == "records.before_commit" else 6)
    subprocess.run([sys.executable, "-c", APPEND, url], env=env, check=True)
    records.append(NOTE, "flights", None, "platform", note())
    report = again(tmp_path / "state").verify()
    assert report.ok and report.events == 7 and report.head_file == report.head
    assert [one.body for one in again(tmp_path / "state").events()].count(note("killed")) == 1
