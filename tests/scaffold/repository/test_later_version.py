"""A later version of the template comes into a team's clone by copier: merged with what the team changed.

The template here has this repository's own copier.yml and the files that `make mine` changes, and few others: copier
looks at every file twice.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.scaffold.create import ALSO, PLACES
from sprintline.scaffold.repository import own_clone

ROOT = settings.ROOT
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SAMPLES = PYPROJECT["tool"]["sprintline"]["samples"]
# A team's clone keeps these tests and has nothing for them to do: it is no template. In the template all of them run.
pytestmark = pytest.mark.skipif(
    PYPROJECT["project"]["name"] != own_clone.TEMPLATE or not (ROOT / "copier.yml").is_file(),
    reason="this clone is a team's own: it is no template for others",
)
ANSWERS_TEMPLATE = "{{_copier_conf.answers_file}}.jinja"
FILES = [
    "copier.yml", ANSWERS_TEMPLATE, "README.md", "CONTRIBUTING.md", "CODEOWNERS", "compose.yaml", "Makefile",
    "pyproject.toml", "requirements.lock", ".devcontainer/devcontainer.json", "platform/sprintline/base/version.py",
]  # fmt: skip
SAMPLE = "platform/products/sample"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def commit(folder: Path, message: str, tag: str | None = None) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    if tag:
        git(folder, "tag", tag)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} has no {old}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def call(root: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setenv("SPRINTLINE_HOME", str(root / ".sprintline"))
    done = CliRunner().invoke(cli, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def update(clone: Path) -> str:
    words = [sys.executable, "-W", "ignore", "-m", "copier", "update", "--defaults"]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A template with two tags, and a clone of the first that a team made its own and changed, then updated."""
    template = tmp_path_factory.mktemp("template") / "sprintline"
    for name in FILES:
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, template / name)
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (template / folder).mkdir(parents=True, exist_ok=True)
    git(template, "init", "-q", "-b", "main")
    with pytest.MonkeyPatch.context() as patched:
        call(template, patched, "new", "sample")
        for file in ("copier.yml", "pyproject.toml"):
            text = (template / file).read_text(encoding="utf-8").replace(SAMPLES[0], "sample")
            (template / file).write_text(text, encoding="utf-8")
        commit(template, "one", "v0.1.0")
        clone = template.parent / "acme-data"
        git(template.parent, "clone", "-q", str(template), str(clone))
        # The team's product is there before the clone is its own, and goes on changing.
        call(clone, patched, "new", "parcels")
        commit(clone, "a product")
        told = call(clone, patched, "mine", "acme-data", "--owner", "@acme/data", "--samples", "remove")
        assert f"Later versions come from {template}; this is v0.1.0." in told
        edit(clone / "platform/products/parcels/defs.yaml", "length_days: 7", "length_days: 14")
        edit(clone / "Makefile", "PORT    ?= 3000", "PORT    ?= 4000")
        edit(clone / "compose.yaml", "127.0.0.1:3000", "127.0.0.1:4000")
        edit(clone / "README.md", "## Put your own data in", "## How we put data in")
        commit(clone, "it is ours")

    edit(template / "platform/sprintline/base/version.py", '"0.1.0"', '"0.2.0"')
    edit(template / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    edit(template / "compose.yaml", "127.0.0.1:3000", "127.0.0.1:5000")
    edit(template / "README.md", "## dg\n", "## dg and its commands\n")
    edit(template / "Makefile", "WORKERS ?= 3\nVENV", "WORKERS ?= 3\nSHARDS  ?= 1\nVENV")
    edit(template / "CODEOWNERS", "# Who reviews what.", "# Who looks at what.")
    edit(template / f"{SAMPLE}/model.py", '"""', '"""Later. ')
    (template / f"{SAMPLE}/later.yaml").write_text("later: true\n")
    (template / "LATER.md").write_text("# Later\n")
    commit(template, "two", "v0.2.0")
    (template / "UNRELEASED.md").write_text("# Not released\n")
    commit(template, "three")
    before = git(clone, "rev-parse", "HEAD").strip()
    told = update(clone)
    return clone, before, told


def changed(clone: Path) -> set[str]:
    return {line[3:] for line in git(clone, "status", "--porcelain").splitlines()}


def test_only_what_the_later_version_changed_is_changed(history):
    clone, _, told = history
    assert "0.2.0" in told
    assert changed(clone) == {
        own_clone.ANSWERS, "LATER.md", "Makefile", "README.md", "compose.yaml", "pyproject.toml",
        "platform/sprintline/base/version.py",
    }  # fmt: skip
    answers = yaml.safe_load((clone / own_clone.ANSWERS).read_text())
    assert (answers["_commit"], answers["samples"]) == ("v0.2.0", False)


def test_both_sides_of_a_file_are_merged(history):
    clone, _, _ = history
    readme = (clone / "README.md").read_text()
    assert readme.startswith("# Acme data\n") and "## How we put data in" in readme
    assert "## dg and its commands" in readme and "<<<<<<<" not in readme
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == ("acme-data", "0.2.0")
    makefile = (clone / "Makefile").read_text()
    assert "PORT    ?= 4000" in makefile and "SHARDS  ?= 1" in makefile


def test_the_teams_product_and_reviewers_are_untouched(history):
    clone, before, _ = history
    owned = ["platform/products/parcels", "dbt_project/models/parcels", "feature_repo/parcels", "CODEOWNERS"]
    assert git(clone, "diff", before, "--", *owned) == ""
    assert "length_days: 14" in (clone / "platform/products/parcels/defs.yaml").read_text()


def test_a_removed_sample_stays_away_with_the_files_that_it_got_since(history):
    clone, _, _ = history
    assert not (clone / SAMPLE).exists()


def test_what_belongs_to_the_template_alone_does_not_come_back(history):
    clone, _, _ = history
    assert not (clone / "copier.yml").exists() and not list(clone.glob("*.jinja"))
    assert not (clone / "UNRELEASED.md").exists()


def test_lines_that_both_changed_are_marked_and_listed(history):
    clone, _, _ = history
    compose = (clone / "compose.yaml").read_text()
    assert "<<<<<<< before updating" in compose and "name: acme-data" in compose
    assert "127.0.0.1:4000:3000" in compose and "127.0.0.1:5000:3000" in compose
    conflicts = [line for line in git(clone, "status", "--porcelain").splitlines() if line.startswith("UU")]
    assert conflicts == ["UU compose.yaml"]


def test_the_samples_of_copier_are_those_that_make_mine_removes():
    excluded = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))["_exclude"]
    wanted = [place.format(product=sample) for sample in SAMPLES for place in (*PLACES.values(), *ALSO)]
    assert {one for one in excluded if "{%" in one} == {
        f"{{% if not samples %}}/{place}{{% endif %}}" for place in wanted
    }


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://olga:t0ken@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://t0ken@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("git@git.example.org:a/b.git", "git@git.example.org:a/b.git"),
        ("ssh://git@git.example.org/a/b.git", "ssh://git@git.example.org/a/b.git"),
    ],
)
def test_no_token_is_written(monkeypatch, address, written):
    monkeypatch.setattr(
        own_clone, "_git", lambda root, word, *more: "v0.1.0" if word == "describe" else address
    )
    assert own_clone._origin(ROOT) == (written, "v0.1.0")
