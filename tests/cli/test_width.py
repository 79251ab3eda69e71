"""What every command prints fits a terminal of 80 columns, however long names and sentences are."""

from __future__ import annotations

import importlib
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from tests.ledger_events import body

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.cli.main import cli
from sprintline.cli.reference import commands
from sprintline.lake.tables import Lake
from sprintline.mechanisms.backlog.update import update_from_verdicts
from sprintline.mechanisms.procedures.events import INTENT
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import CLOSED, DECISION
from sprintline.product.runtime import load_runtime
from sprintline.scaffold.create import create_product
from sprintline.serving.gateway.log import Entry, Log

LONG = "departures_of_international_passengers"
S1, S2 = "2026-S01", "2026-S02"
MODEL = "f4cad65267e9dac3"
OWNER = "alexandra.konstantinopoulou-mavrommatis@analytics.example.org"
SENTENCE = (
    f"of 1,234,567,890 rows 98.7% have no {LONG} where the contract of the provider promises one in every row, "
    "farthest [origin_departure_delay_mean_3h] × pressure_change_3h_mb at 0.32 with 0.10 ordinary in 12 sprints; "
) * 3

LISTINGS = {
    "backlog": (f"backlog {LONG} --all", ["DQ102", "normal", OWNER]),
    "declare": (f"declare {LONG}", ["findings.yaml"]),
    "explain": ("explain DQ102", ["DQ102:", LONG]),
    "failpoints": ("failpoints", ["dbt.before_build"]),
    "faults": ("faults --clean", ["DQ102"]),
    "ledger list": ("ledger list", [LONG, "closed", S1, OWNER]),
    "live": (f"live {LONG}", [MODEL, S1]),
    "predictions": (f"predictions {LONG}", [OWNER, "probability_of_being_late 0.2500"]),
    "procedures": ("procedures", [LONG]),
    "processes": ("processes", ["daemon"]),
    "relations": (f"relations {LONG}", ["accepted"]),
    "report": ("report", ["backlog"]),
    "reproduce": (f"reproduce {LONG}:champion", ["MISSING", MODEL]),
    "rules": (f"rules --product {LONG}", ["DQ102", "threshold"]),
    "settings": ("settings", ["SPRINTLINE_KEEP_QUARANTINE_DAYS"]),
    "state-hash": (f"state-hash {LONG}", [S1, f"{LONG}/lake/predictions"]),
    "status": (f"status {LONG}", [S1, LONG]),
    "waivers": ("waivers", ["DQ102", OWNER, "2126-06-01"]),
}
"""Command line and words that must be whole, by command."""

SENTENCES = {
    "add", "approve", "attest", "backlog add", "backlog assign", "backlog close", "backlog prioritise",
    "backlog start", "backup", "card", "check", "docs", "env", "feast", "init", "ledger", "ledger accept",
    "ledger verify", "migrate", "mlflow", "new", "prune", "publish", "recover", "reference", "remove", "replay",
    "reset", "restore", "retry", "site", "ui", "waive", "notebook", "mine", "codeowners", "predict",
    "serve", "token", "token new", "token revoke",
}  # fmt: skip
"""Commands that print sentences, paths and pages of Markdown, which a terminal breaks where it likes."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home]:
    """A clone with one product of a long name, and records with long sentences."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from:\n")
    for part in ("dbt_project.yml", "profiles.yml", "macros"):
        (root / "dbt_project" / part).symlink_to(settings.ROOT / "dbt_project" / part)
    create_product(LONG, root)
    home = Home(tmp_path_factory.mktemp("state"))
    runtime = load_runtime(root / "platform" / "products" / LONG, home)
    records = runtime.records
    records.record_verdicts(
        [Verdict(LONG, S1, "DQ102", "deliveries", Outcome.FAIL, Severity.WARN, SENTENCE, "version 1")]
    )
    update_from_verdicts(runtime, S1, OWNER)
    said = body(
        DECISION,
        decision="promote",
        candidate=MODEL,
        champion_before=None,
        champion_after=MODEL,
        why=SENTENCE,
    )
    records.append(DECISION, LONG, S1, OWNER, said, key=S1)
    records.append(CLOSED, LONG, S1, OWNER, body(CLOSED, missing=[SENTENCE]), key=S1)
    waived = {
        "code": "DQ102",
        "asset": "deliveries",
        "reason": SENTENCE,
        "approver": OWNER,
        "expires": "2126-06-01",
    }
    records.append("waiver", LONG, None, OWNER, body("waiver", **waived))
    records.append(
        INTENT, "", None, OWNER, body(INTENT, procedure="remove", subject=LONG, steps=["records"], attempt=1)
    )
    frame = pd.DataFrame({"question_id": ["a"], "probability": [0.1], "model_id": MODEL})
    Lake(home.lake).write(f"{LONG}/predictions", S1, frame, "question_id")
    folder = home.serving / LONG / "log"
    folder.mkdir(parents=True)
    log, done = Log(folder), Event()
    answer = {f"probability_of_being_{one}": 0.25 for one in ("early", "on_time", "late", "cancelled")}
    entry = Entry(
        "f" * 24, "r" * 16, "2026-01-05T08:00:00+00:00", S1, LONG, MODEL, None, "s", OWNER, "predict", {}, {},
        {}, answer, 0.001,
    )  # fmt: skip
    log.add([entry], lambda _: done.set())
    done.wait(20)
    log.close()
    return root, home


@pytest.fixture
def run(state, monkeypatch):
    root, home = state
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setenv("SPRINTLINE_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("SPRINTLINE_DATABASE_URL", raising=False)

    def call(line: str) -> str:
        return CliRunner().invoke(cli, line.split(), standalone_mode=False, catch_exceptions=False).output

    return call


def test_every_command_is_looked_at_or_prints_no_table():
    names = {name.removeprefix("sprintline ") for name, _ in commands(cli)}
    assert not names - set(LISTINGS) - SENTENCES, "give it a line in LISTINGS, or in SENTENCES"


@pytest.mark.parametrize("command", LISTINGS)
def test_a_listing_fits_and_cuts_nothing(run, monkeypatch, command):
    _long_answers(monkeypatch)
    line, words = LISTINGS[command]
    out = run(line)
    wide = [one for one in out.splitlines() if cell_len(one.rstrip()) > 80]
    assert not wide, "\n".join(wide)
    # The backlog shows the beginning of an evidence, and says where the rest is.
    assert "…" not in out or (command == "backlog" and "--json has everything" in " ".join(out.split()))
    assert all(word in out for word in words), out


def test_help_fits(run):
    for name, _ in commands(cli):
        out = run(f"{name.removeprefix('sprintline ')} --help")
        assert max(map(cell_len, out.splitlines())) <= 80, out


def _long_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes to become so long: relations, a reproduction, an interrupted procedure, processes."""
    found = importlib.import_module("sprintline.profiles.found")
    relation = SimpleNamespace(
        held=3, compared=6, most=0.01, answer="accepted", relation=SimpleNamespace(sentence=SENTENCE)
    )
    monkeypatch.setattr(found, "closed_sprints", lambda _runtime: [S1, S2])
    monkeypatch.setattr(found, "found_in", lambda _runtime, _sprints: [relation])
    release = importlib.import_module("sprintline.release.commands")
    monkeypatch.setattr(release, "chosen_model", lambda _text: (None, MODEL))
    evidence = SimpleNamespace(evidence="parameters", there=False, says=SENTENCE)
    answer = SimpleNamespace(product=LONG, model_id=MODEL, evidence=[evidence], sentence=SENTENCE, ok=False)
    monkeypatch.setattr(
        importlib.import_module("sprintline.release.reproduce"), "reproduce", lambda *_chosen: answer
    )
    starts = importlib.import_module("sprintline.hosting.starts")
    row = starts.Row(
        "daemon", 123456, 65000, "2026-01-01T00:00:00+00:00", "healthy", 2, f"/state/{LONG}/daemon.log"
    )
    one = SimpleNamespace(where="ui", owner=123456, rows=lambda: [row])
    monkeypatch.setattr(starts, "running", lambda _home: [one])
    monkeypatch.setattr(starts, "strays", lambda _home: [SENTENCE])
