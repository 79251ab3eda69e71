"""`sprintline new` asks for what only the team knows, and says how to do the same without questions."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.scaffold.own_files import rows

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.scaffold import commands
from sprintline.scaffold.ask import Answers, inferred
from sprintline.scaffold.source_files import read_own


@pytest.fixture
def clone(tmp_path, monkeypatch):
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from:\n")
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "state"))
    return root


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "my tickets.csv"
    rows().to_csv(place, index=False)
    return place


@pytest.fixture
def at_terminal(monkeypatch):
    monkeypatch.setattr(commands, "_refuse_without_terminal", lambda *_given: None)


def call(*arguments, **more):
    return CliRunner().invoke(cli, ["new", *arguments], **more)


def made(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def answered(*lines):
    return "\n".join(lines) + "\n"


def test_the_defaults_are_the_likely_columns_and_the_command_makes_the_same(
    clone, file, at_terminal, tmp_path, monkeypatch
):
    given = answered("tickets", str(file), "", "", "", "hours > 4", "Europe/Berlin", "")
    done = call(input=given)
    assert done.exit_code == 0, done.output
    assert "60 rows, 9 columns" in done.output and "[Ticket]" in done.output
    assert "[opened]" in done.output and "[closed]" in done.output
    told = done.output.rsplit("The same without questions:\n", 1)[1].strip()
    words = shlex.split(told)
    assert words[:5] == ["sprintline", "new", "tickets", "--from", str(file)]
    assert "--length-days" not in words, "a default is left out"
    again = tmp_path / "again"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (again / folder).mkdir(parents=True)
    (again / "workspace.yaml").write_text("load_from:\n")
    first = made(clone)
    monkeypatch.setattr(settings, "ROOT", again)
    assert CliRunner().invoke(cli, words[1:]).exit_code == 0
    assert made(again) == first


def test_without_a_file_it_is_the_invented_sample(clone, at_terminal):
    done = call(input=answered("", ""))
    assert done.exit_code == 0 and done.output.rstrip().endswith("sprintline new parcels")
    assert (clone / "platform/products/parcels/defs.yaml").is_file()


def test_a_wrong_answer_is_explained_and_asked_again(clone, file, at_terminal):
    given = answered(
        "My Tickets",
        "tickets",
        "nowhere.csv",
        str(file),
        "group",
        "",
        "",
        "hours > 99",
        "",
        "",
        "",
        "hours > 4",
    )
    done = call(input=given.replace("\n\n\n\nhours > 4", "\n\n\nTicket\nhours > 4"))
    assert done.exit_code == 0, done.output
    for words in ("My Tickets", "nowhere.csv", "does not identify the rows", "never true"):
        assert words in " ".join(done.output.split()), words
    assert "--key Ticket" in done.output and "'hours > 4'" in done.output


def test_options_are_not_asked_for_and_what_is_wrong_in_them_ends_it(clone, file, at_terminal):
    given = ["tickets", "--from", str(file), "--key", "group", "--event-at", "opened", "--known-at", "closed"]
    done = call(*given, input=answered("hours > 4", "", ""))
    assert done.exit_code == 2 and "does not identify the rows" in done.output
    assert not (clone / "platform/products/tickets").exists(), "nothing half-written"


def test_without_a_terminal_nothing_is_asked(clone, file):
    done = call(input=answered("tickets", str(file)))
    assert done.exit_code == 2 and "name the product: sprintline new PRODUCT" in done.output
    done = call("tickets", "--from", str(file), "--key", "Ticket")
    assert done.exit_code == 2 and "--event-at, --known-at, --label" in done.output
    assert not list((clone / "platform/products").iterdir())


def test_ended_in_the_middle_nothing_is_written(clone, file, at_terminal):
    before = made(clone)
    assert call(input=answered("tickets", str(file), "Ticket")).exit_code == 1
    assert made(clone) == before


def test_on_a_real_terminal_it_asks(clone, tmp_path):
    ours, theirs = pty.openpty()
    code = (
        f"from sprintline.base import settings; from pathlib import Path; settings.ROOT = Path({str(clone)!r}); "
        "from sprintline.cli.main import cli; cli(['new'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, b"bakery\n\n")
        said = b""
        while chunk := _read(ours):
            said += chunk
        assert process.wait(30) == 0 and b"Name of the product" in said
        assert b"sprintline new bakery" in said and (clone / "platform/products/bakery").is_dir()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end was closed
        return b""


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, {"key": "Ticket", "event_at": "opened", "known_at": "closed", "label": "vip"}),
        ({"closed": pd.Timestamp("2020-01-01", tz="UTC")}, {"known_at": "opened"}),
        ({"Ticket": "the same"}, {"key": "order"}),
        ({"vip": "yes"}, {"label": None}),
    ],
)
def test_a_default_is_what_the_values_say(tmp_path, change, wanted):
    place = tmp_path / "tickets.csv"
    rows(**change).to_csv(place, index=False)
    columns, frame, _ = read_own(place, "UTC", (), ())
    found = inferred(columns, frame)
    assert {name: found.get(name) for name in wanted} == wanted


def test_the_command_is_quoted_for_a_shell():
    answers = Answers("tickets", None, {})
    assert answers.command() == "sprintline new tickets"
    sample = Answers("minutes", None, {"task": "regression", "timezone": "UTC"})
    assert sample.command() == "sprintline new minutes --task regression"
    answers = Answers(
        "t", settings.ROOT / "a b.csv", {"label": "hours > 4", "known_later": ("x y", "z"), "by": None}
    )
    assert shlex.split(answers.command())[3:] == [
        "--from", str(settings.ROOT / "a b.csv"), "--label", "hours > 4", "--known-later", "x y", "--known-later", "z",
    ]  # fmt: skip
