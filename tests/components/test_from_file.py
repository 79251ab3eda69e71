"""A product from a team's own file: inference is careful, what cannot be used is refused whole, the rest is sound."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest
import yaml

from sprintline.components.from_file import Asked, create_from_file
from sprintline.components.scaffold import ScaffoldError, create_product, remove_product, traces_of
from sprintline.core.contracts import parse_contract
from sprintline.core.declarations import parse_product
from sprintline.stores.inferred import InferenceError, infer

N = 60


@pytest.fixture
def clone(tmp_path):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workspace.yaml").write_text("# ours\nload_from:\n")
    return tmp_path


def rows(**change) -> pd.DataFrame:
    asked = pd.date_range("2026-03-25T08:00", periods=N, freq="6h", tz="Europe/Berlin")
    frame = {
        "Ticket": [f"{n:06d}" for n in range(N)],
        "opened": asked,
        "closed": asked + pd.Timedelta(minutes=90),
        "order": np.arange(N) + 2**60,
        "group": ["a", "b", "c"] * (N // 3),
        "price": [decimal.Decimal(f"{n}.50") for n in range(N)],
        "vip": [True, False] * (N // 2),
        "note": [f'said "no",\nbye {n}' if n else None for n in range(N)],
        "hours": [n % 9 for n in range(N)],
    }
    return pd.DataFrame({**frame, **change})


def asked(file, **change) -> Asked:
    said = {"key": "Ticket", "event_at": "opened", "known_at": "closed", "label": "hours > 6", **change}
    return Asked(file, timezone="Europe/Berlin", **said)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_types_are_inferred_alike_from_every_form(tmp_path, form):
    file = tmp_path / f"tickets.{form}"
    rows().to_parquet(file) if form == "parquet" else rows().to_csv(file, index=False)
    columns, frame = infer(file, "Europe/Berlin")
    assert {column.sql: column.kind for column in columns} == {
        "ticket": "string", "opened": "timestamp", "closed": "timestamp", "order_": "integer", "group_": "string",
        "price": "number", "vip": "boolean", "note": "string", "hours": "integer",
    }  # fmt: skip
    assert frame["ticket"][7] == "000007", "a leading zero is lost"
    assert frame["order_"][1] == 2**60 + 1, "a digit is lost"
    assert not next(column for column in columns if column.sql == "note").required
    assert str(frame["opened"][0]) == "2026-03-25 07:00:00+00:00"


def test_local_moments_that_happened_twice_are_no_moments(tmp_path):
    file = tmp_path / "meters.csv"
    file.write_text("at\n2026-10-25T01:30\n2026-10-25T02:30\n")
    (column,) = infer(file, "Europe/Berlin")[0]
    assert column.kind == "string" and "happened twice in Europe/Berlin" in column.why


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "cannot be read"), ("a,b\n", "holds no row"), ("sprint\nx\n", "rename it"),
     ("a,A\n1,2\n", "are both a in SQL"), ("Größe\n1\n", "to Gr_e for example")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(tmp_path, text, told):
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(InferenceError, match=told):
        infer(file, "UTC")


def test_nested_columns_are_refused_by_name(tmp_path):
    rows(items=[[1, 2]] * N).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(InferenceError, match=r"column items holds list.*write its parts as columns"):
        infer(tmp_path / "own.parquet", "UTC")


def test_what_is_made_is_sound_and_keeps_the_answer_out_of_the_question(clone):
    file = clone / "tickets.csv"
    rows().to_csv(file, index=False)
    made = create_from_file("tickets_2", asked(file), clone)
    folder = clone / "platform/products/tickets_2"
    spec = parse_product((folder / "defs.yaml").read_text(), "defs.yaml")
    assert (spec.calendar.start, spec.calendar.timezone) == ("2026-03-23", "Europe/Berlin"), (
        "the Monday before"
    )
    assert spec.features.lookback_sprints == 1 and spec.model.label == "answer"
    contract = parse_contract((folder / spec.sources[0].contract).read_text(), "tickets.yaml")
    assert contract.key == ("Ticket",) and (contract.event_at, contract.known_at) == ("opened", "closed")
    assert contract.row_bounds and contract.row_bounds[0] <= 20 and contract.row_bounds[1] >= 56
    models = clone / "dbt_project/models/tickets_2"
    assert 'cast("group" as string) as group_' in (models / "staging/stg_tickets.sql").read_text()
    questions = (models / "marts/questions.sql").read_text()
    assert (
        "hours," not in questions.split("select")[-1] and "closed" not in questions and "group_," in questions
    )
    for file in [*models.rglob("*.yml"), clone / "workspace.yaml"]:
        assert yaml.safe_load(file.read_text())
    names: dict = {}
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    assert names["recipe"]().inputs.categorical == ("group_",)
    assert {"order_", "price", "vip", "past_rate"} <= set(names["NUMERIC"]) and "hours" not in names[
        "NUMERIC"
    ]
    assert (folder / "sample/tickets.csv") in made.files


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": "closed > opened"}, "always true"),
        ({"label": "opened > '2026-04-01'"}, "known beforehand"),
        ({"label": "1 = 1"}, "always true"),
        ({"by": "note"}, "empty in some rows"),
        ({"by": "price"}, "must be text"),
        ({"known_at": "price"}, "does not say a moment"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_nothing_is_made(clone, change, told):
    file = clone / "tickets.csv"
    rows().to_csv(file, index=False)
    before = sorted(clone.rglob("*"))
    with pytest.raises(ScaffoldError, match=told) as refused:
        create_from_file("tickets", asked(file, **change), clone)
    assert refused.value.code == 2 and sorted(clone.rglob("*")) == before


def test_a_product_is_removed_with_all_its_traces_and_nobody_elses(clone):
    create_product("bakery", clone)
    before = (clone / "workspace.yaml").read_text()
    create_product("bakery_two", clone)
    (clone / "tests/products/bakery_two").mkdir(parents=True)
    traces = traces_of("bakery_two", clone)
    assert [str(place.relative_to(clone)) for place in traces] == [
        "dbt_project/models/bakery_two", "feature_repo/bakery_two", "platform/products/bakery_two",
        "tests/products/bakery_two",
    ]  # fmt: skip
    remove_product("bakery_two", clone, traces)
    assert (clone / "workspace.yaml").read_text() == before
    assert not list(clone.rglob("bakery_two")) and traces_of("bakery", clone)
    with pytest.raises(ScaffoldError, match="there is no product bakery_two; the products are bakery"):
        traces_of("bakery_two", clone)
    for name in ("../platform", "", "sprintline/x"):
        with pytest.raises(ScaffoldError, match="is no product name"):
            traces_of(name, clone)
    # A registration that stayed behind is enough to be removed; a first entry goes without harm to the next.
    create_product("third", clone)
    remove_product("bakery", clone, traces_of("bakery", clone))
    left = yaml.safe_load((clone / "workspace.yaml").read_text())["load_from"]
    assert [one["python_module"]["location_name"] for one in left] == ["third"]
