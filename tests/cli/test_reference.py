"""The generated reference: as the definitions are, and leaving nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import dagster as dg
import pytest
from click.testing import CliRunner

from sprintline.base import settings
from sprintline.cli import reference
from sprintline.cli.generated import write_pages
from sprintline.cli.main import cli
from sprintline.components import described
from sprintline.components.described import assets_page
from sprintline.mechanisms.declaration.spec import Spec, inner_spec
from sprintline.product.folders import product_folders
from sprintline.product.runtime import load_runtime
from sprintline.product.spec import ProductSpec

FOLDER = settings.ROOT / "docs" / "reference"
COMMANDS = dict(reference.commands(cli))


LONGEST = 45
"""Characters of the first sentence of an asset's description: more are cut in the UI's catalogue at 1280 px."""


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]


def descriptions(built: dg.Definitions) -> dict[dg.AssetKey, str]:
    graph = built.get_repository_def().asset_graph
    return {key: graph.get(key).description or "" for key in graph.get_all_asset_keys()}


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["README.md", *(name for name in reference.sections() if name != "assets.md")]
)
def test_a_page_is_as_its_definitions_are(name, home, monkeypatch):
    monkeypatch.setitem(reference.SECTIONS, "assets.md", lambda _root: page("assets.md"))
    assert page(name) == reference.pages(settings.ROOT)[name], "run `sprintline reference`"


@pytest.mark.parametrize("product", [folder.name for folder in product_folders(settings.ROOT)])
def test_the_page_of_assets_is_that_of_every_product(home, product, monkeypatch):
    runtime = load_runtime(settings.ROOT / "platform" / "products" / product, home)
    built = described.build_product(runtime)
    monkeypatch.setattr(described, "build_product", lambda _runtime: built)
    assert page("assets.md") == assets_page(runtime, reference.MARK), "run `sprintline reference`"
    told = {str(key.path[-1]): spec for key, spec in descriptions(built).items()}
    assert len(told) > 15
    long = {name: first for name, text in told.items() if len(first := first_sentence(text)) > LONGEST}
    assert long == {}, "the catalogue cuts what is longer"
    assert all(told.values()), "each asset says what it is"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_all_its_options_are_documented(name):
    text, command = page("commands.md"), COMMANDS[name]
    assert f"## {name}\n" in text
    part = text.split(f"## {name}\n")[1].split("\n## ")[0]
    assert command.help, f"{name} says nothing of itself"
    for option in (one for one in command.params if isinstance(one, click.Option)):
        assert option.help, f"{name} {option.opts[0]} has no help"
        assert f"`{', '.join(option.opts)}`" in part
    usage = command.collect_usage_pieces(click.Context(command, info_name=name))
    assert f"```\n{' '.join([name, *usage])}\n```" in part


def fields(model: type[Spec]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield model.__name__, name
        assert field.description, f"{model.__name__}.{name} says nothing of itself"
        if (inner := inner_spec(field)) is not None:
            yield from fields(inner)


def test_every_key_of_a_declaration_is_documented():
    told = set(re.findall(r"^\| `(\w+)` \| \S", page("declarations.md"), flags=re.MULTILINE))
    wanted = {name for _, name in fields(ProductSpec)}
    assert len(wanted) > 30 and wanted <= told


def test_the_index_of_decisions_is_complete():
    folder = settings.ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert index == reference.decisions(settings.ROOT), "run `sprintline reference`"
    records = sorted(file.name for file in folder.glob("*.md") if file.name != "README.md")
    assert re.findall(r"\]\((.+?)\)", index) == records
    for name in records:
        number = int(name.split("-")[0])
        assert re.match(rf"# {number}\. \S", (folder / name).read_text(encoding="utf-8")), name
    numbers = [name.split("-")[0] for name in records]
    assert len(set(numbers)) == len(numbers), "a number is given once"


def test_writing_tells_what_changed_and_leaves_alone_what_is_not_generated(tmp_path):
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    (folder / "gone.md").write_text(f"{reference.MARK}\n# Gone\n")
    (folder / "settings.md").write_text("# Settings\n")
    wanted = {"commands.md": "# Commands\n"}
    assert write_pages(folder, wanted, reference.MARK, write=False) == [
        "wrote docs/reference/commands.md", "removed docs/reference/gone.md",
    ]  # fmt: skip
    assert (folder / "gone.md").exists()
    write_pages(folder, wanted, reference.MARK)
    assert {file.name for file in folder.iterdir()} == {"commands.md", "settings.md"}
    assert write_pages(folder, wanted, reference.MARK) == []


def test_the_index_has_pages_that_others_write(tmp_path):
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    (folder / "errors.md").write_text("# Mistakes\n")
    assert "[Mistakes](errors.md)" in reference.pages(tmp_path)["README.md"]


def test_the_command_asks_without_writing(home, monkeypatch):
    monkeypatch.setattr(reference, "SECTIONS", {})
    monkeypatch.setattr(reference, "pages", lambda _root: {"commands.md": "changed"})
    before = page("commands.md")
    asked = CliRunner().invoke(cli, ["reference", "--check"], standalone_mode=False)
    assert asked.return_value == 1 and "wrote docs/reference/commands.md" in asked.stdout
    assert page("commands.md") == before
