"""A new product is there whole or not at all, and what it declares is sound."""

import threading
from datetime import UTC
from pathlib import Path

import pandas as pd
import pytest
import yaml

from sprintline.landing.odcs import parse_contract
from sprintline.product.calendar import Calendar
from sprintline.product.spec import parse_product
from sprintline.scaffold import create as scaffold
from sprintline.scaffold import sample
from sprintline.scaffold.create import ScaffoldError, create_product

WORKSPACE = """\
# A location per product.
load_from:
  - python_module:
      module_name: products.first.definitions  # ours
      location_name: first
      working_directory: platform
"""


@pytest.fixture
def clone(tmp_path):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "platform/products/__init__.py").touch()
    (tmp_path / "workspace.yaml").write_text(WORKSPACE)
    return tmp_path


def snapshot(root: Path) -> dict[str, str]:
    return {
        str(file.relative_to(root)): file.read_text() for file in sorted(root.rglob("*")) if file.is_file()
    }


def module(file: Path, name: str):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, file)
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_makes_everything_a_product_needs(clone):
    made = create_product("bakery", clone)
    names = {str(file.relative_to(clone)) for file in made.files}
    assert all(file.is_file() for file in made.files)
    assert {
        "platform/products/bakery/__init__.py",
        "platform/products/bakery/defs.yaml",
        "platform/products/bakery/definitions.py",
        "platform/products/bakery/sources.py",
        "platform/products/bakery/model.py",
        "platform/products/bakery/contracts/orders.yaml",
        "platform/products/bakery/contracts/deliveries.yaml",
        "platform/products/bakery/sample/orders.csv",
        "platform/products/bakery/sample/deliveries.csv",
        "dbt_project/models/bakery/marts/questions.sql",
        "dbt_project/models/bakery/marts/outcomes.sql",
        "dbt_project/models/bakery/marts/courier_hours.sql",
        "feature_repo/bakery/views.py",
        "feature_repo/bakery/courier_delays.sql",
    } <= names
    assert set(snapshot(clone)) == names | {"workspace.yaml", "platform/products/__init__.py"}
    assert not any("__product__" in text or "__title__" in text for text in snapshot(clone).values())


def test_registers_the_code_location_and_keeps_every_line(clone):
    made = create_product("bakery", clone)
    text = (clone / "workspace.yaml").read_text()
    assert text.startswith(WORKSPACE)
    assert text.splitlines()[made.workspace_line - 1] == "  - python_module:"
    assert yaml.safe_load(text)["load_from"][-1] == {
        "python_module": {
            "module_name": "products.bakery.definitions", "location_name": "bakery", "working_directory": "platform",
        }
    }  # fmt: skip


@pytest.mark.parametrize("text", ["load_from: []\n", "load_from:\n", "# none left\nload_from:   []", None])
def test_registers_the_first_product_too(clone, text):
    file = clone / "workspace.yaml"
    file.unlink() if text is None else file.write_text(text)
    create_product("bakery", clone)
    assert [
        one["python_module"]["location_name"] for one in yaml.safe_load(file.read_text())["load_from"]
    ] == ["bakery"]


def test_entries_without_indentation_stay_as_they_are(clone):
    (clone / "workspace.yaml").write_text("load_from:\n- python_module: products.first.definitions\n")
    create_product("bakery", clone)
    assert len(yaml.safe_load((clone / "workspace.yaml").read_text())["load_from"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("load_from:\n  - python_module: a.b\nother: 1\n", "put load_from last"),
        ("load_from: [a: b\n", "workspace.yaml:2: is not YAML"),
        ("- a\n", "has no list load_from"),
        (
            "load_from:\n  - python_module: products.bakery.definitions\n",
            "already names products.bakery.definitions",
        ),
    ],
)
def test_a_workspace_it_cannot_extend_is_left_to_its_owner(clone, text, said):
    (clone / "workspace.yaml").write_text(text)
    before = snapshot(clone)
    with pytest.raises(ScaffoldError, match=said):
        create_product("bakery", clone)
    assert snapshot(clone) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Bakery", "for example bakery"), ("my-bakery", "for example my_bakery"), ("2nd", "for example product_2nd"),
        ("", "for example product"), ("a" * 42, "at most 41"), ("../up", "for example up"),
        ("class", "keyword of Python"), ("match", "keyword of Python"), ("email", "Python module"),
        ("sprintline", "Python module"),
        ("über", "small letters"),
    ],
)  # fmt: skip
def test_refuses_names_that_cannot_be(clone, name, said):
    before = snapshot(clone)
    with pytest.raises(ScaffoldError, match=said) as refused:
        create_product(name, clone)
    assert refused.value.code == 2 and snapshot(clone) == before


@pytest.mark.parametrize("place", list(scaffold.PLACES.values()))
def test_overwrites_nothing(clone, place):
    there = clone / place.format(product="bakery")
    there.mkdir()
    (there / "own.txt").write_text("mine")
    before = snapshot(clone)
    with pytest.raises(ScaffoldError, match="already exists"):
        create_product("bakery", clone)
    assert snapshot(clone) == before


def test_a_second_call_changes_nothing(clone):
    create_product("bakery", clone)
    before = snapshot(clone)
    with pytest.raises(ScaffoldError, match="already exists"):
        create_product("bakery", clone)
    assert snapshot(clone) == before


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_failure_on_the_way_undoes_all(clone, monkeypatch, fails_at):
    before, calls, rename = snapshot(clone), [], Path.rename

    def failing(self, target):
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ScaffoldError, match="No space left on device; nothing was made"):
        create_product("bakery", clone)
    assert snapshot(clone) == before
    assert not list(clone.rglob(".new-*")) and not list(clone.rglob("bakery"))


def test_a_failing_registration_undoes_all(clone, monkeypatch):
    before = snapshot(clone)

    def refusing(*_):
        raise PermissionError(13, "Permission denied", "workspace.yaml")

    monkeypatch.setattr(Path, "replace", refusing)
    with pytest.raises(ScaffoldError, match="Permission denied"):
        create_product("bakery", clone)
    assert snapshot(clone) == before and not list(clone.rglob("bakery"))


def test_two_at_once_both_get_their_line(clone):
    threads = [
        threading.Thread(target=create_product, args=(name, clone))
        for name in ("bakery", "butcher", "florist")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = yaml.safe_load((clone / "workspace.yaml").read_text())["load_from"]
    assert {one["python_module"]["location_name"] for one in listed} == {
        "first",
        "bakery",
        "butcher",
        "florist",
    }


class TestTheProduct:
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        clone = tmp_path_factory.mktemp("clone")
        for place in ("platform/products", "dbt_project/models", "feature_repo"):
            (clone / place).mkdir(parents=True)
        create_product("bakery", clone)
        return clone / "platform/products/bakery"

    @pytest.fixture(scope="class")
    def spec(self, folder):
        return parse_product((folder / "defs.yaml").read_text(), "defs.yaml")

    @pytest.fixture(scope="class")
    def dropped(self, folder, spec):
        sources = module(folder / "sources.py", "bakery_sources")
        calendar = Calendar.from_spec(spec.calendar)
        return {key: sources.provide(calendar.window(key)) for key in calendar.keys[: sample.SPRINTS]}

    def test_its_declarations_are_sound(self, folder, spec):
        assert spec.name == "bakery" and spec.title == "Bakery"
        for source in spec.sources:
            contract = parse_contract((folder / source.contract).read_text(), source.contract)
            assert contract.event_at and contract.known_at and contract.key == ("order_id",)

    def test_the_sample_starts_with_the_calendar_and_leaves_planned_sprints(self, spec):
        calendar = Calendar.from_spec(spec.calendar)
        assert calendar.sprints[0].start == sample.START
        assert len(calendar.keys) >= sample.SPRINTS + 6

    def test_every_sprint_has_rows_within_its_window_and_contract(self, folder, spec, dropped):
        calendar = Calendar.from_spec(spec.calendar)
        for key, frames in dropped.items():
            window = calendar.window(key)
            assert set(frames) == {source.name for source in spec.sources}
            for source in spec.sources:
                contract = parse_contract((folder / source.contract).read_text(), source.contract)
                frame = frames[source.name]
                assert list(frame.columns) == [column.name for column in contract.columns]
                assert contract.min_rows <= len(frame) <= contract.max_rows
                known = pd.to_datetime(frame[contract.known_at], utc=True)
                assert known.between(window.start, window.end, inclusive="left").all()

    def test_beyond_the_sample_the_provider_says_so(self, folder, spec, dropped):
        sources = module(folder / "sources.py", "bakery_sources")
        calendar = Calendar.from_spec(spec.calendar)
        with pytest.raises(LookupError, match="has no orders of 2026-S09"):
            sources.provide(calendar.window(calendar.keys[sample.SPRINTS]))

    def test_some_orders_are_late_and_most_are_not(self, dropped):
        for frames in dropped.values():
            both = frames["orders"].merge(frames["deliveries"], on=["order_id", "placed_at"])
            took = pd.to_datetime(both["delivered_at"]) - pd.to_datetime(both["placed_at"])
            late = took.dt.total_seconds() / 60 - both["promised_minutes"] > 15
            assert 0.05 < late.mean() < 0.5

    def test_its_feature_view_and_service_are_what_it_declares(self, folder, spec, tmp_path):
        from sprintline.features.views import load_declared

        declared = load_declared("bakery", folder.parents[2] / "feature_repo/bakery", tmp_path)
        assert list(declared.views) == spec.features.views
        features = declared.service_views(spec.features.service)["courier_delays"]
        recipe = module(folder / "model.py", "bakery_model").recipe()
        assert set(features) <= set(recipe.inputs.names)

    def test_its_recipe_learns_from_what_it_reads(self, folder):
        recipe = module(folder / "model.py", "bakery_model").recipe()
        rows = 60
        frame = pd.DataFrame({name: [float(i % 7) for i in range(rows)] for name in recipe.inputs.numeric})
        for name in recipe.inputs.categorical:
            frame[name] = [("a", "b")[i % 2] for i in range(rows)]
        prepared, label = recipe.inputs.prepare(frame), [i % 2 for i in range(rows)]
        for build in (recipe.build, recipe.twin):
            chances = build(7).fit(prepared, label).predict_proba(prepared)[:, 1]
            assert chances.min() >= 0 and chances.max() <= 1


def test_the_sample_is_the_same_for_the_same_name_and_another_for_another():
    seed = sample.seed_of("bakery")
    first = sample.orders_csv(seed), sample.deliveries_csv(seed)
    sample.invent.cache_clear()
    assert (sample.orders_csv(seed), sample.deliveries_csv(seed)) == first
    assert sample.orders_csv(sample.seed_of("butcher")) != first[0]
    assert all(order.placed_at.tzinfo is UTC for order in sample.invent(seed))


@pytest.mark.slow
def test_its_dbt_models_build_two_sprints_and_pass_every_test(tmp_path):
    """The real dbt project's macros, the new product's models: what lands becomes marts, all of them tested."""
    import shutil

    from sprintline.base import settings
    from sprintline.lake.tables import Lake
    from sprintline.warehouse.dbt import Warehouse

    clone = tmp_path / "clone"
    for folder in ("platform/products", "feature_repo"):
        (clone / folder).mkdir(parents=True)
    project = settings.ROOT / "dbt_project"
    shutil.copytree(project / "macros", clone / "dbt_project/macros")
    for file in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(project / file, clone / "dbt_project")
    create_product("bakery", clone)
    folder = clone / "platform/products/bakery"
    spec = parse_product((folder / "defs.yaml").read_text(), "defs.yaml")
    calendar = Calendar.from_spec(spec.calendar)
    sources = module(folder / "sources.py", "bakery_sources_built")
    home = settings.Home(tmp_path / "home")
    lake, warehouse = Lake(home.lake), Warehouse("bakery", home, clone / "dbt_project")
    for key in calendar.keys[:2]:
        for source, frame in sources.provide(calendar.window(key)).items():
            moments = {name: pd.to_datetime(frame[name], utc=True) for name in frame if name.endswith("_at")}
            known = moments.get("delivered_at", moments["placed_at"])
            lake.write(
                f"bakery/{source}",
                key,
                frame.assign(event_at=moments["placed_at"], known_at=known),
                sort_by=["order_id"],
            )
        built = warehouse.build(key)
        assert built.ok, [
            (node.name, node.message) for node in built.nodes if node.status in ("fail", "error")
        ]
        assert warehouse.rows(key)["questions"] == sample.DAYS * sample.ORDERS_A_DAY
