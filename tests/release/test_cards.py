"""`sprintline card`: the card of a model whose files were changed says so, and exits with 1."""

from __future__ import annotations

import json
import sys

import pytest
from tests.measured_facts import facts

from sprintline.cli import main as command
from sprintline.learning.bundles import write_release
from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime
from sprintline.release.cards import write_card

MODEL, SPRINT = "0123456789abcdef", "2013-S03"


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sprintline", "card", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


@pytest.fixture
def carded(flights: Runtime) -> Runtime:
    """A model with a bundle of two files and a card on which nothing is wrong."""

    def fill(folder):
        for name in ("model.onnx", "twin.onnx"):
            (folder / name).write_bytes(name.encode())

    known = ("sprints", "rows", "keys_hash", "features_hash", "data_versions")
    body = {"model_id": MODEL, "description": "Trees.", "snapshot": dict.fromkeys(known, 1)}
    release = write_release(flights[Models].releases / MODEL, body, fill)
    said = {"difference": 0.1, "low": 0.0, "high": 0.2}
    measured = facts(
        "candidate", model_id=MODEL, release_digest=release.digest, by_model={"candidate": {"roc_auc": 0.7}},
        baselines={"naive": said}, slices={"carrier": said}, backtest={"origins": [], "stability": 0.9},
        parity={"model": {"difference": 0.0}},
    )  # fmt: skip
    flights.records.measure(flights.product, SPRINT, "candidate", MODEL, measured)
    flights.records.append(
        "trigger", flights.product, SPRINT, "test", {"kind": "drift", "why": "", "numbers": {}}
    )
    write_card(flights, MODEL, SPRINT)
    return flights


def test_a_card_of_an_unchanged_bundle_has_no_faults(run, carded):
    code, out, err = run("flight_delays:0123")
    assert (code, err) == (0, "") and MODEL in out


def _swapped(folder):
    (folder / "model.onnx").write_bytes((folder / "twin.onnx").read_bytes())


def _listed_again(folder):
    """A file changed, and the manifest made to list it."""
    from sprintline.learning.bundles import digest

    (folder / "model.onnx").write_bytes(b"another")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.onnx"] = digest(b"another")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_swapped, "it was changed after the release"),
        (lambda folder: (folder / "twin.onnx").unlink(), "twin.onnx is missing"),
        (lambda folder: (folder / "model.onnx").write_bytes(b""), "it was changed after the release"),
        (_listed_again, "manifest.json has SHA-256"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json has SHA-256"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
    ],
)
def test_a_card_of_a_changed_bundle_exits_with_1(run, carded, change, words):
    change(carded[Models].releases / MODEL)
    code, _, err = run("flight_delays:0123")
    assert code == 1 and words in err, err
    code, out, _ = run("flight_delays:0123", "--json")
    assert code == 1 and any(words in fault for fault in json.loads(out)["faults"])
