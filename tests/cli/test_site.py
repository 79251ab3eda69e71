"""`sprintline site` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sprintline import settings
from sprintline.cli.main import cli


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "platform" / "products").mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    return tmp_path


def test_before_anything_closed_the_page_says_what_to_do(home):
    said = json.loads(call("site", "--json").stdout)
    assert said["products"] == ["flight_delays"] and said["errors"] == {} and said["pages"] == 1
    first = Path(said["first"])
    assert first == home.site / "index.html"
    assert "sprintline replay flight_delays" in first.read_text()


def test_without_a_product_too(home, clone):
    call("site")
    assert "sprintline new PRODUCT" in (home.site / "index.html").read_text()


def test_a_product_that_does_not_load_is_told_there_and_the_others_are_shown(home, clone):
    for name, text in (("bakery", "type: nonsense\n"), ("flight_delays", None)):
        folder = clone / "platform" / "products" / name
        folder.mkdir()
        source = Path(__file__).parents[2] / "platform/products/flight_delays/defs.yaml"
        (folder / "defs.yaml").write_text(text or source.read_text())
    ran = call("site", "--json")
    assert ran.return_value == 1 and "bakery does not load: platform/products/bakery/defs.yaml" in ran.stderr
    said = json.loads(ran.stdout)
    assert "platform/products/bakery/defs.yaml" in said["errors"]["bakery"]
    first = (home.site / "index.html").read_text()
    assert "It does not load." in first and "Flight delays" in first


def test_a_state_folder_that_cannot_be_written_is_one_error(home):
    home.site.write_text("a file where the folder should be")
    assert isinstance(call("site").exception, OSError)


def test_it_opens_in_the_browser_when_asked(home, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", lambda url: opened.append(url) or 0)
    call("site", "--open")
    assert opened == [(home.site / "index.html").as_uri()]
