"""`sprintline site` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.cli.main import cli
from sprintline.scaffold.create import create_product


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone without any product."""
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setattr(settings, "ROOT", root)
    return root


def test_without_a_product_the_page_says_what_to_do(home, clone):
    call("site")
    assert "sprintline new PRODUCT" in (home.site / "index.html").read_text()


def test_before_anything_closed_too(home, clone):
    create_product("parcels", clone)
    said = json.loads(call("site", "--json").stdout)
    assert (said["products"], said["errors"], said["pages"]) == (["parcels"], {}, 1)
    first = Path(said["first"])
    assert first == home.site / "index.html"
    assert "sprintline replay parcels" in first.read_text()


def test_a_product_that_does_not_load_is_told_there_and_the_others_are_shown(home, clone):
    create_product("parcels", clone)
    create_product("bakery", clone)
    (clone / "platform" / "products" / "bakery" / "defs.yaml").write_text("type: nonsense\n")
    ran = call("site", "--json")
    assert ran.return_value == 1 and "bakery does not load: platform/products/bakery/defs.yaml" in ran.stderr
    said = json.loads(ran.stdout)
    assert "platform/products/bakery/defs.yaml" in said["errors"]["bakery"]
    first = (home.site / "index.html").read_text()
    assert "It does not load." in first and "sprintline replay parcels" in first


def test_a_state_folder_that_cannot_be_written_is_one_error(home):
    home.site.write_text("a file where the folder should be")
    assert isinstance(call("site").exception, OSError)


def test_it_opens_in_the_browser_when_asked(home, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", lambda url: opened.append(url) or 0)
    call("site", "--open")
    assert opened == [(home.site / "index.html").as_uri()]


class TestReport:
    def test_lists_all_reports(self, home):
        shown = call("report").stdout
        assert "sprints     Sprints, one page for all products" in shown and "model_card" in shown
        listed = json.loads(call("report", "--json").stdout)
        assert {"name": "backlog", "title": "Backlog", "per": "product"} in listed

    def test_an_unknown_name_is_refused_with_similar_ones(self, home):
        with pytest.raises(Refusal, match="there is no report sprnt; did you mean sprint"):
            raise call("report", "sprnt").exception

    def test_an_empty_report_says_so(self, home, clone):
        create_product("parcels", clone)
        assert "Report backlog is empty" in call("report", "backlog").stdout
        assert json.loads(call("report", "backlog", "--json").stdout)["products"] == {}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["backlog", "parcels", "2026-S01"], "has a page per product: leave out the sprint"),
            (["sprint", "parcels", "2026-S0"], "there is no sprint 2026-S0 in the plan; did you mean"),
            (["sprint", "nobody"], "there is no product nobody"),
            (["sprint", "--json", "--markdown"], "choose --json or --markdown"),
        ],
    )
    def test_a_wrong_call_is_refused(self, home, clone, arguments, words):
        create_product("parcels", clone)
        refused = call("report", *arguments).exception
        assert isinstance(refused, Refusal) and words in str(refused) and refused.exit_code == 2

    def test_a_product_that_does_not_load_is_reported_and_the_others_are_printed(self, home, clone):
        create_product("parcels", clone)
        create_product("bakery", clone)
        (clone / "platform" / "products" / "bakery" / "defs.yaml").write_text("type: nonsense\n")
        ran = call("report", "sprints")
        assert ran.return_value == 1 and "# Parcels" in ran.stdout
        assert "report sprints of bakery failed: platform/products/bakery/defs.yaml" in ran.stderr
