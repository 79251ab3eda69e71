"""`make mine`: what becomes the team's, what is refused, and that the clone is as it was when something fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sprintline.base import settings
from sprintline.base.version import VERSION
from sprintline.cli.main import cli
from sprintline.scaffold.repository import own_clone
from sprintline.scaffold.repository.codeowners import MARK

ROOT = settings.ROOT
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, SAMPLES = PYPROJECT["project"], PYPROJECT["tool"]["sprintline"]["samples"]
# A team's clone keeps these tests and has nothing for them to do: what they rename and remove is renamed and gone. In
# the template all of them run.
pytestmark = pytest.mark.skipif(
    PROJECT["name"] != own_clone.TEMPLATE
    or not all((ROOT / "platform" / "products" / name).is_dir() for name in SAMPLES),
    reason="this clone is no longer as the template is: nothing is left to rename or to remove",
)
BAKERY = "platform/products/bakery/defs.yaml"


def git(clone: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout


def listed() -> list[str]:
    """The files of this clone that git has or would take, as they are now."""
    found = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return [name for name in found if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The template as it is on the disk, with a team's first product, committed in a repository of its own."""
    clone = tmp_path_factory.mktemp("template") / "clone"
    for name in listed():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "ROOT", clone)
        patched.setenv("SPRINTLINE_HOME", str(clone / ".sprintline"))
        done = CliRunner().invoke(cli, ["new", "bakery"])
    assert done.exit_code == 0, done.output
    assert "CODEOWNERS (who reviews its folders)" in done.output
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "The template")
    return clone


@pytest.fixture
def clone(template, monkeypatch):
    """The template's clone, put back after the test."""
    monkeypatch.setattr(settings, "ROOT", template)
    yield template
    git(template, "restore", "--staged", "--worktree", ".")
    git(template, "clean", "-fdq")


def call(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(words))
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def changed(clone: Path) -> set[str]:
    return {line[3:] for line in git(clone, "status", "--porcelain").splitlines()}


# --- a whole clone, made one's own ------------------------------------------------------------------------------------


def run(clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run something in a clone, by this environment's interpreter and libraries and the clone's own sources."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))}
    env |= {"PYTHONPATH": str(clone / "platform"), "SPRINTLINE_HOME": str(clone / ".sprintline")}
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, timeout=120)


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make mine` in a clone whose environment is up to date for what its files say now."""
    inputs = b"".join(
        (clone / name).read_bytes()
        for name in ("pyproject.toml", "requirements.lock", "requirements-bootstrap.lock")
    )
    stamp = subprocess.run(["cksum"], input=inputs, capture_output=True, check=True).stdout.decode().strip()
    (clone / ".venv" / f".setup-{stamp.replace(' ', '-')}").touch()
    return run(clone, "make", "--no-print-directory", "mine", *words)


@pytest.fixture(scope="module")
def ours(template, tmp_path_factory):
    """A clone that became `acme-data` by `make mine`, without the samples."""
    clone = tmp_path_factory.mktemp("ours") / "acme-data"
    git(template, "clone", "-q", str(template), str(clone))
    program = clone / ".venv" / "bin" / "sprintline"
    program.parent.mkdir(parents=True)
    # The Makefile takes PYTHONPATH away, as it should.
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{clone}/platform" exec "{sys.executable}" -W ignore -m sprintline.cli.main "$@"\n'
    )
    program.chmod(0o755)
    made = make(clone, "NAME=acme-data", "TITLE=Acme (data & models)", "OWNER=@acme/data", "SAMPLES=remove")
    assert made.returncode == 0, made.stderr
    assert "This clone is Acme (data & models) (acme-data)." in made.stdout
    return clone


def test_names_and_pages_are_the_teams(ours):
    project = tomllib.loads((ours / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "acme-data" and "Acme (data & models)" in project["description"]
    assert project["authors"] == [{"name": "Acme (data & models)"}]
    assert project | {"name": 0, "description": 0, "authors": 0} == PROJECT | {
        "name": 0, "description": 0, "authors": 0
    }  # fmt: skip
    readme = (ours / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Acme (data & models)\n\nThe data products of Acme (data & models), ")
    assert "<!--" not in readme and "make mine" not in readme and "336,776" not in readme
    assert "\n\n\n" not in readme and "## Commands" in readme
    assert yaml.safe_load((ours / "compose.yaml").read_text())["name"] == "acme-data"
    container = json.loads((ours / ".devcontainer" / "devcontainer.json").read_text())
    assert container["name"] == "Acme (data & models)"
    assert (ours / "CONTRIBUTING.md").read_text().startswith("# Contributing to Acme (data & models)\n")


def test_the_sample_is_gone_and_the_teams_product_stays(ours):
    assert not [name for name in git(ours, "ls-files", "-d").splitlines() if "bakery" in name]
    assert not list(ours.glob("*/**/flight_delays/**/*.py"))
    located = yaml.safe_load((ours / "workspace.yaml").read_text())["load_from"]
    assert [one["python_module"]["location_name"] for one in located] == ["bakery"]


def test_docs_and_cheap_lint_hold_there(ours):
    tests = ["tests/test_docs.py", "tests/test_hooks.py", "tests/test_containers.py"]
    done = run(ours, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout[-3000:]
    done = run(ours, sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout[-2000:]
    done = run(ours, sys.executable, "-m", "sprintline.cli.main", "codeowners", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(ours, sys.executable, "-m", "sprintline.cli.main", "--version")
    assert VERSION in done.stdout, done.stderr


def test_reviews_follow_the_declaration_and_a_wrong_owner_is_found(ours):
    owners = (ours / "CODEOWNERS").read_text()
    above, _, below = owners.partition(MARK)
    assert "* @acme/data\n" in above
    lines = [line for line in below.splitlines() if line]
    assert len(lines) == 5 and all(line.endswith("/ @acme/bakery owner@example.org") for line in lines)
    checked = [sys.executable, "-m", "sprintline.cli.main", "codeowners", "--check"]
    wrong = owners.replace("/feature_repo/bakery/ @acme/bakery", "/feature_repo/bakery/ @acme/people")
    (ours / "CODEOWNERS").write_text(wrong)
    done = run(ours, *checked)
    assert done.returncode == 1 and "'/feature_repo/bakery/ @acme/people owner@example.org'" in done.stderr
    (ours / "CODEOWNERS").write_text(owners)


def test_a_second_run_is_refused(ours):
    before = git(ours, "status", "--porcelain"), git(ours, "diff")
    again = make(ours, "NAME=other-data")
    assert again.returncode != 0
    assert "this clone is acme-data already (pyproject.toml, project.name)" in again.stderr
    assert (git(ours, "status", "--porcelain"), git(ours, "diff")) == before


# --- refusals, each of which changes nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Acme Data"], "for example acme-data"),
        (["acme_data"], "for example acme-data"),
        ([""], "for example acme-data"),
        (["sprintline"], '"sprintline" is the template\'s own: choose another'),
        (["pandas"], '"pandas" is that of a library in requirements.lock'),
        (["acme", "--title", 'Acme "data"'], "TITLE: 'Acme \"data\"' cannot be a title"),
        (["acme", "--title", "Acme\n# data"], "cannot be a title"),
        (["acme", "--owner", "acme/data"], "write @user, @organisation/team or an e-mail address"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(clone, words, told):
    assert told in call("mine", *words[1:], "--", words[0], code=2)
    assert not changed(clone)


@pytest.mark.parametrize("file", ["README.md", "notes.txt"])
def test_what_is_not_committed_is_refused(clone, file):
    with (clone / file).open("a") as written:
        written.write("mine\n")
    assert f"{file}: not committed; commit, or take it back" in call("mine", "acme-data", code=1)
    assert changed(clone) == {file}


def test_a_folder_inside_another_repository_is_refused(clone, tmp_path, monkeypatch):
    inner = clone / "inner"
    shutil.copytree(clone, inner, ignore=shutil.ignore_patterns(".git", "inner"))
    monkeypatch.setattr(settings, "ROOT", inner)
    assert "is not a git repository" in call("mine", "acme-data", code=1)


@pytest.mark.parametrize(
    ("file", "old", "told"),
    [
        ("README.md", "# Sprintline", "README.md: its heading"),
        ("README.md", "<!-- template: head -->", "README.md: its part <!-- template: head -->"),
        ("README.md", "replays 14 sprints", "README.md: its line `make demo`"),
        ("CONTRIBUTING.md", "# Contributing to Sprintline", "CONTRIBUTING.md: its heading"),
        ("pyproject.toml", "authors = [", "pyproject.toml: its line project.authors"),
        ("pyproject.toml", 'description = "A data', "pyproject.toml: its table [project]"),
    ],
)
def test_a_file_that_is_not_the_templates_is_refused(clone, monkeypatch, file, old, told):
    text = (clone / file).read_text()
    assert old in text
    # An earlier line of the same key, where it is about the table.
    new = "# other" if "table" not in told else f'description = "x"\n[tool.other]\n{old}'
    (clone / file).write_text(text.replace(old, new, 1))
    monkeypatch.setattr(own_clone, "_check_committed", lambda root: None)
    assert told in call("mine", "acme-data", "--samples", "remove", code=1)
    assert changed(clone) == {file}


def test_a_product_without_an_owner_for_the_forge_is_refused_with_its_place(clone):
    text = (clone / BAKERY).read_text()
    (clone / BAKERY).write_text(text.replace("owner: owner@example.org", "owner: Olga"))
    told = call("codeowners", code=1)
    assert "platform/products/bakery/defs.yaml: attributes.owners: has no owner" in told
    git(clone, "commit", "-qam", "Olga")
    assert "attributes.owners: has no owner" in call("mine", "acme-data", code=1)
    assert not changed(clone)
    assert "+/feature_repo/bakery/ @acme/bakery" in call(
        "mine", "acme-data", "--owner", "@acme/data", "--dry-run"
    )
    git(clone, "reset", "-q", "--hard", "HEAD~1")


def test_a_sample_that_a_product_of_the_team_reads_stays(clone, monkeypatch):
    monkeypatch.setattr(own_clone, "readers_of", lambda name, folder: {"bakery": ["departures"]})
    told = call("mine", "acme-data", "--samples", "remove", code=1)
    assert "bakery reads what the sample flight_delays publishes" in told
    assert not changed(clone)


def test_a_preview_changes_nothing_and_shows_all(clone):
    told = call("mine", "acme-data", "--samples", "remove", "--dry-run")
    assert not changed(clone)
    for line in ('+name = "acme-data"', "-# Sprintline", "+# Acme data", "+# Contributing to Acme data"):
        assert line in told.splitlines()
    assert "would remove platform/products/flight_delays/" in told and "bakery/\n" not in told


def test_samples_stay_by_default(clone):
    assert "git does not know where this clone is from" in call("mine", "acme-data")
    # CODEOWNERS is as it was: without an owner, only the products decide.
    gone = {name for name in own_clone._TEMPLATES_ALONE if (ROOT / name).is_file()}
    assert len(gone) == 4 and not [name for name in gone if (clone / name).exists()]
    assert {name.strip('"') for name in changed(clone)} - gone == {
        ".devcontainer/devcontainer.json", "CONTRIBUTING.md", "README.md", "compose.yaml", "pyproject.toml"
    }  # fmt: skip
    readme = (clone / "README.md").read_text()
    assert "336,776" in readme and "<!--" not in readme and "\n\n\n" not in readme


@pytest.mark.parametrize("fails_at", ["README.md", "pyproject.toml"])
def test_when_a_step_fails_the_clone_is_as_it_was_committed(clone, monkeypatch, fails_at):
    real = own_clone.atomic_write

    def full(file: Path, text: str) -> None:
        if file.name == fails_at:
            raise OSError(28, "No space left on device", str(file))
        real(file, text)

    monkeypatch.setattr(own_clone, "atomic_write", full)
    told = call("mine", "acme-data", "--samples", "remove", code=1)
    assert "No space left on device; nothing was changed" in told
    assert not changed(clone)
    assert (clone / "platform/products/flight_delays/defs.yaml").is_file()


def test_an_interruption_leaves_the_clone_as_it_was_committed(clone, monkeypatch):
    def interrupted(file: Path, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(own_clone, "atomic_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        own_clone.carry_out(own_clone.plan(own_clone.Own("acme-data", keep_samples=False), clone), clone)
    assert not changed(clone)


@pytest.mark.parametrize(
    ("old", "first"),
    [
        ("# * @acme/data\n", "# Who reviews"),
        ("# * @acme/data\n", "* @acme/data"),
        ("no such line", "# Who reviews"),
    ],
)
def test_reviewers_written_by_hand_stay(clone, old, first):
    text = (clone / "CODEOWNERS").read_text()
    new = "/docs/ @acme/writers\n" if first[0] == "*" else f"{old}/docs/ @acme/writers\n"
    (clone / "CODEOWNERS").write_text(text.replace(old, new, 1))
    git(clone, "commit", "-qam", "reviewers", "--allow-empty")
    call("mine", "acme-data", "--owner", "@acme/data")
    lines = (clone / "CODEOWNERS").read_text().splitlines()
    assert lines[0].startswith(first) and lines.count("* @acme/data") == 1
    if old in text:
        assert lines.index("* @acme/data") < lines.index("/docs/ @acme/writers") < lines.index(MARK)
    git(clone, "reset", "-q", "--hard", "HEAD~1")


def test_the_packages_version_is_the_platforms_while_this_is_the_template():
    assert PROJECT["version"] == VERSION


def test_samples_are_listed():
    assert {folder.name for folder in (ROOT / "tests" / "products").glob("[a-z]*")} <= set(SAMPLES)
