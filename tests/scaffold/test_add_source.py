"""A product is given another source: what is made is sound, what is there stays, what cannot be is refused."""

from __future__ import annotations

import datetime
import difflib

import pandas as pd
import pytest
import yaml

from sprintline.landing.odcs import parse_contract
from sprintline.landing.samples import rows_of, sample_of
from sprintline.product.calendar import Calendar
from sprintline.product.spec import parse_product
from sprintline.scaffold import add_source as module
from sprintline.scaffold.add_source import AskedSource, add_source
from sprintline.scaffold.asked import Asked
from sprintline.scaffold.create import ScaffoldError, create_product
from sprintline.scaffold.from_file import create_from_file

START = datetime.date(2026, 1, 5)
DAYS = [START + datetime.timedelta(days=n) for n in range(28)]
A_DAY = datetime.timedelta(days=1)


@pytest.fixture
def clone(tmp_path):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workspace.yaml").write_text("load_from:\n")
    visits = {
        "visit": range(280),
        "arrived": [f"{day}T{8 + n:02}:00:00Z" for day in DAYS for n in range(10)],
        "clinic": ["north", "south"] * 140,
        "minutes": [n % 50 for n in range(280)],
        "called": [f"{day}T{9 + n:02}:00:00Z" for day in DAYS for n in range(10)],
    }
    pd.DataFrame(visits).to_csv(tmp_path / "visits.csv", index=False)
    asked = Asked(tmp_path / "visits.csv", "visit", "arrived", "called", "minutes > 40")
    create_from_file("visits", asked, tmp_path)
    return tmp_path


def rota(clone, form="csv", name="rota", **change):
    """A row per day and clinic, published a week before."""
    frame = {
        "day": [day for day in DAYS for _ in range(2)],
        "clinic": ["north", "south"] * 28,
        "nurses": [2 + n % 3 for n in range(56)],
        "published": [f"{day - 7 * A_DAY}T12:00:00Z" for day in DAYS for _ in range(2)],
    }
    file, frame = clone / f"{name}.{form}", pd.DataFrame({**frame, **change})
    if form == "parquet":
        frame["published"] = pd.to_datetime(frame["published"], utc=True)
    frame.to_parquet(file) if form == "parquet" else frame.to_csv(file, index=False)
    return file


def asked(file, **change) -> AskedSource:
    return AskedSource(
        file, **{"keys": ("day", "clinic"), "event_at": "day", "known_at": "published", **change}
    )


def spec_of(clone, product="visits"):
    return parse_product((clone / f"platform/products/{product}/defs.yaml").read_text(), "defs.yaml")


def only_grew(old: str, new: str) -> bool:
    changes = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_opcodes()
    return {kind for kind, *_ in changes} == {"equal", "insert"}


def tree(clone):
    return {path: path.read_bytes() for path in sorted(clone.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_the_source_is_whole_and_every_other_character_stays(clone, form):
    file, before = rota(clone, form), tree(clone)
    added = add_source("visits", asked(file), clone)
    after = tree(clone)
    assert set(after) - set(before) - {file} == set(added.files) and len(added.files) == 4
    assert {path for path in before if before[path] != after[path]} == set(added.changed)
    for path in added.changed:
        assert only_grew(before[path].decode(), after[path].decode())
    assert [one.name for one in spec_of(clone).sources] == ["visits", "rota"]
    folder = clone / "platform/products/visits"
    contract = parse_contract((folder / "contracts/rota.yaml").read_text(), "rota.yaml")
    assert (contract.key, contract.event_at, contract.known_at) == (("day", "clinic"), "day", "published")
    assert (contract.min_rows, contract.max_rows) == (7, 28)
    models = clone / "dbt_project/models/visits/staging"
    tables = yaml.safe_load((models / "sources.yml").read_text())["sources"][0]["tables"]
    assert [one["name"] for one in tables] == ["visits", "rota"]
    assert tables[1]["config"]["meta"]["delta_table_path"].endswith("/visits/rota")
    (staged,) = yaml.safe_load((models / "stg_rota.yml").read_text())["models"]
    tests = [next(iter(test)) for test in staged["data_tests"]]
    assert tests == ["not_null_columns", "unique_together"], (
        "known before it happens: nothing may claim the contrary"
    )
    assert not added.notes


def test_a_sprints_rows_of_every_source_come_from_the_samples(clone):
    add_source("visits", asked(rota(clone)), clone)
    folder, sprints = clone / "platform/products/visits", Calendar.from_spec(spec_of(clone).calendar).sprints
    names: dict = {"__file__": str(folder / "sources.py")}
    exec(compile((folder / "sources.py").read_text(), "sources.py", "exec"), names)
    given = names["provide"](sprints[1])
    assert {name: len(frame) for name, frame in given.items()} == {"visits": 70, "rota": 14}
    assert set(given["rota"]["day"]) == {str(day) for day in DAYS[7:14]}
    assert list(rows_of(folder, sprints[1], A_DAY, ["rota"])) == ["rota"]
    with pytest.raises(LookupError, match=r"sample/\w+.csv has no row of 2026-S05"):
        names["provide"](sprints[4])
    sample = sample_of(folder, "rota")
    sample.write_text(sample.read_text().replace("day,", "date,", 1))
    with pytest.raises(LookupError, match=r"has no moments in the columns that contracts/rota.yaml"):
        names["provide"](sprints[1])


def test_the_invented_sample_product_takes_a_source_too(clone):
    create_product("bakery", clone)
    file = rota(clone, name="oven")
    added = add_source("bakery", asked(file, known_at=None, name="ovens"), clone)
    assert added.source == "ovens" and [one.name for one in spec_of(clone, "bakery").sources][-1] == "ovens"
    assert any("counts as known at the end of its day (day)" in note for note in added.notes)
    (staged,) = yaml.safe_load((clone / "dbt_project/models/bakery/staging/stg_ovens.yml").read_text())[
        "models"
    ]
    assert [next(iter(test)) for test in staged["data_tests"]] == [
        "not_null_columns", "holds", "unique_together",
    ]  # fmt: skip


def test_what_its_owner_should_know_is_told(clone):
    file = rota(clone)
    frame = pd.read_csv(file)
    # Nothing in the first and the third week, and two rows of another decade.
    frame = frame[(frame["day"] >= "2026-01-12") & ~frame["day"].between("2026-01-19", "2026-01-25")]
    frame.iloc[-2:, 0] = "2036-01-01"
    frame.to_csv(file, index=False)
    notes = " ".join(add_source("visits", asked(file), clone).notes)
    assert "it has no rows in 2026-S03: a sprint closes when every source has landed a file" in notes
    assert "it begins with 2026-S02, and the sprints of visits with 2026-S01" in notes
    assert "2 of its rows are outside the planned sprints" in notes


@pytest.mark.parametrize(
    ("product", "change", "told"),
    [
        ("visit", {}, "there is no product visit; the products are visits"),
        (
            "visits",
            {"keys": ("day",)},
            "--key: day does not identify the rows of rota.csv: it repeats or is empty in some",
        ),
        ("visits", {"keys": ("dya",)}, "--key: rota.csv has no column 'dya'; it has day, clinic, nurses"),
        ("visits", {"event_at": "clinic"}, "--event-at: column clinic of rota.csv does not have a moment"),
        ("visits", {"timezone": "Mars"}, "--timezone: there is no time zone Mars"),
        ("visits", {"name": "visits"}, "visits has visits already, as a source: choose another with --name"),
        ("visits", {"name": "history"}, "visits has history already, as a feature view"),
        (
            "visits",
            {"name": "outcomes"},
            r"visits has outcomes already, as a model \(dbt_project/models/visits",
        ),
        ("visits", {"name": "My Rota"}, '"My Rota" cannot be the name of a source'),
        ("visits", {"name": "on"}, '"on" cannot be the name of a source'),
        (
            "visits",
            {"name": "predictions"},
            "visits has predictions already, as an asset that every product has",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_touched(clone, product, change, told):
    file = rota(clone)
    before = tree(clone)
    with pytest.raises(ScaffoldError, match=told) as refused:
        add_source(product, asked(file, **change), clone)
    assert refused.value.code == 2 and tree(clone) == before


def test_rows_of_another_time_are_refused(clone):
    file = rota(clone, day=[day.replace(year=2030) for day in DAYS for _ in range(2)])
    with pytest.raises(
        ScaffoldError, match=r"no row of rota.csv is in a planned sprint of visits, which plans from"
    ):
        add_source("visits", asked(file), clone)


FOLDED = "      description: >-\n        Rows,\n        all of them\n\n    # what follows is ours\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  sources:\n", "  sources: &them\n"),
        ("      description: Rows as they landed, each with its answer\n", FOLDED),
        ("contract: contracts/visits.yaml\n", "contract: 'contracts/visits.yaml'   # whose\n"),
    ],
)
def test_a_list_in_another_hand_grows(clone, old, new):
    defs = clone / "platform/products/visits/defs.yaml"
    text = defs.read_text()
    assert old in text
    defs.write_text(text.replace(old, new))
    add_source("visits", asked(rota(clone)), clone)
    assert [one.name for one in spec_of(clone).sources] == ["visits", "rota"]
    assert only_grew(text.replace(old, new), defs.read_text())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: yaml.safe_dump(yaml.safe_load(text), default_flow_style=True),
        lambda text: text.replace("      - name: visits\n        desc", "      -\n        name: visits\n        desc"),
        lambda text: text.replace("tables:\n", "tables:\n      # \u2028\n"),
    ],
)  # fmt: skip
def test_a_list_in_which_no_place_can_be_told_is_left_to_its_owner(clone, change):
    file, tables = rota(clone), clone / "dbt_project/models/visits/staging/sources.yml"
    text = tables.read_text()
    tables.write_text(change(text))
    assert tables.read_text() != text
    before = tree(clone)
    with pytest.raises(
        ScaffoldError, match=r"sources.visits.tables is not a list with an entry per line.*add it by hand"
    ):
        add_source("visits", asked(file), clone)
    assert tree(clone) == before


@pytest.mark.parametrize("text", ["version: 2\n", "sources: [visits]\n", "sources: 7\n"])
def test_where_nobody_declares_the_source_of_dbt_that_is_said(clone, text):
    file = rota(clone)
    (clone / "dbt_project/models/visits/staging/sources.yml").write_text(text)
    with pytest.raises(ScaffoldError, match=r"no .yml file declares dbt's source visits"):
        add_source("visits", asked(file), clone)


def test_lines_end_as_they_did(clone):
    defs, tables = (
        clone / "platform/products/visits/defs.yaml",
        clone / "dbt_project/models/visits/staging/sources.yml",
    )
    defs.write_bytes(defs.read_bytes().replace(b"\n", b"\r\n"))
    tables.write_bytes(tables.read_bytes().rstrip(b"\n"))
    add_source("visits", asked(rota(clone)), clone)
    assert defs.read_bytes().count(b"\n") == defs.read_bytes().count(b"\r\n") > 50
    assert [one.name for one in spec_of(clone).sources] == ["visits", "rota"]
    assert len(yaml.safe_load(tables.read_text())["sources"][0]["tables"]) == 2


@pytest.mark.parametrize(
    "place",
    ["platform/products/visits/contracts/rota.yaml", "platform/products/visits/sample/rota.parquet",
     "dbt_project/models/visits/staging/stg_rota.yml"],
)  # fmt: skip
def test_a_file_that_is_there_is_never_written_over(clone, place):
    file = rota(clone)
    (clone / place).write_text("ours")
    before = tree(clone)
    with pytest.raises(ScaffoldError, match=f"{place} already exists: choose another name"):
        add_source("visits", asked(file), clone)
    assert tree(clone) == before


@pytest.mark.parametrize("written", range(6))
def test_killed_half_way_the_same_call_does_the_rest(clone, monkeypatch, written):
    file, before, real, order = rota(clone), tree(clone), module._replace, []

    def watched(place, content):
        order.append((place, content))
        real(place, content)

    monkeypatch.setattr(module, "_replace", watched)
    add_source("visits", asked(file), clone)
    whole = tree(clone)
    assert len(order) == 6 and order[-1][0].name == "defs.yaml", (
        "before it names the source, nobody asks for it"
    )
    names = [place.name for place, _ in order]
    assert names.index("sources.yml") < names.index("stg_rota.sql"), (
        "dbt refuses a model whose source nobody declares"
    )
    for place in set(whole) - set(before):
        place.unlink()
    for place, content in (*before.items(), *order[:written]):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
    add_source("visits", asked(file), clone)
    assert tree(clone) == whole


def test_rows_are_counted_as_a_replay_provides_them(clone):
    """Of ten rows a week that become known weeks later none lands; what does bounds the files."""
    late = [f"{day + (1 if day.weekday() else 20) * A_DAY}T12:00:00Z" for day in DAYS for _ in range(2)]
    notes = add_source("visits", asked(rota(clone, published=late)), clone).notes
    assert any(
        note.startswith("8 of its rows become known later than 1 day after their sprint's end")
        for note in notes
    )
    folder = clone / "platform/products/visits"
    contract = parse_contract((folder / "contracts/rota.yaml").read_text(), "rota.yaml")
    sprints = Calendar.from_spec(spec_of(clone).calendar).sprints
    given = [len(rows_of(folder, sprint, module.lands_after(folder))["rota"]) for sprint in sprints[:4]]
    assert given == [12] * 4 and (contract.min_rows, contract.max_rows) == (6, 24)


def test_rows_that_never_land_in_a_replay_are_refused(clone):
    published = [f"{day + 60 * A_DAY}T12:00:00Z" for day in DAYS for _ in range(2)]
    with pytest.raises(
        ScaffoldError, match=r"every row of rota.csv becomes known later than 1 day .* raise LANDS_AFTER"
    ):
        add_source("visits", asked(rota(clone, published=published)), clone)


def test_a_key_said_twice_is_one(clone):
    add_source("visits", asked(rota(clone), keys=("day", "clinic", "day")), clone)
    contract = parse_contract(
        (clone / "platform/products/visits/contracts/rota.yaml").read_text(), "rota.yaml"
    )
    assert contract.key == ("day", "clinic")


@pytest.mark.parametrize("fails_at", range(6))
def test_a_failure_on_the_way_undoes_all(clone, monkeypatch, fails_at):
    file, before, real, calls = rota(clone), tree(clone), module._replace, []

    def failing(place, content):
        calls.append(place)
        if len(calls) == fails_at + 1:
            raise OSError(28, "No space left on device", str(place))
        real(place, content)

    monkeypatch.setattr(module, "_replace", failing)
    with pytest.raises(ScaffoldError, match="No space left on device; nothing was added"):
        add_source("visits", asked(file), clone)
    assert tree(clone) == before and not (clone / "dbt_project/models/visits/staging/stg_rota.sql").exists()
    monkeypatch.setattr(module, "_replace", real)
    assert add_source("visits", asked(file), clone).source == "rota"
