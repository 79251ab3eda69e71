"""CODEOWNERS: what is written from the declarations, what stays, and that a wrong owner is found."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from tests.clones import DEFS, new_clone

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.scaffold.repository.codeowners import MARK


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with one product, whose CODEOWNERS is as declared."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "home"))
    new_clone(tmp_path)
    call("codeowners")
    return tmp_path


def call(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(words))
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_a_product_without_an_owner_for_the_forge_is_refused_with_its_place(clone):
    before = (clone / "CODEOWNERS").read_text()
    (clone / DEFS).write_text((clone / DEFS).read_text().replace("owner: owner@example.org", "owner: Olga"))
    assert f"{DEFS}: attributes.owners: has no owner" in call("codeowners", code=1)
    assert (clone / "CODEOWNERS").read_text() == before
    (clone / "CODEOWNERS").write_text(f"* @acme/data\n{before}")
    call("codeowners")
    assert "/feature_repo/bakery/ @acme/bakery\n" in (clone / "CODEOWNERS").read_text()


def test_a_declaration_that_does_not_parse_is_refused_with_its_place(clone):
    (clone / DEFS).write_text((clone / DEFS).read_text().replace("  team:", "  taem:"))
    assert f"{DEFS}:" in call("codeowners", "--check", code=1)


def test_a_changed_owner_of_the_declaration_is_found(clone):
    call("codeowners", "--check")
    (clone / DEFS).write_text((clone / DEFS).read_text().replace("owner@example.org", "olga@example.org"))
    assert "owner@example.org', the declarations say" in call("codeowners", "--check", code=1)


def test_lines_above_the_mark_stay_and_name_the_organisation(clone):
    file = clone / "CODEOWNERS"
    above = "# ours, of @other/people\n*  @acme/group/data dana@example.org\n/docs/ @writers\n\n"
    file.write_text(above + MARK + "\n/old/ x@example.org\n")
    assert "Wrote CODEOWNERS" in call("codeowners")
    assert file.read_text().startswith(above + MARK)
    assert "/old/" not in file.read_text()
    assert "/platform/products/bakery/ @acme/group/bakery owner@example.org" in file.read_text()
    assert "is as the products declare" in call("codeowners", "--check")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "/platform/ mallory@example.org\n",
        lambda text: text[: text.rindex("/tests/")],
        lambda text: text.replace(MARK, ""),
        lambda text: text.replace("owner@example.org", "owner@example.com", 1),
    ],
)
def test_a_changed_line_below_the_mark_is_found(clone, edit):
    file = clone / "CODEOWNERS"
    file.write_text(edit(file.read_text()))
    assert "CODEOWNERS" in call("codeowners", "--check", code=1)
    call("codeowners")
    call("codeowners", "--check")


def test_a_missing_file_is_found(clone):
    (clone / "CODEOWNERS").unlink()
    assert "CODEOWNERS is missing" in call("codeowners", "--check", code=1)


def test_a_removed_product_leaves_it(clone):
    told = call("remove", "bakery", "--yes")
    assert "CODEOWNERS (who reviews" in told and "bakery" not in (clone / "CODEOWNERS").read_text()
