"""A product from a team's own file: inference is careful, what cannot be used is refused whole, the rest is sound."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd
import pytest
import yaml
from tests.scaffold.own_files import rows

from sprintline.landing.folder import Landing
from sprintline.landing.odcs import parse_contract
from sprintline.product.calendar import Calendar
from sprintline.product.spec import parse_product
from sprintline.scaffold.asked import Asked
from sprintline.scaffold.create import ScaffoldError, create_product, remove_product, traces_of
from sprintline.scaffold.from_file import create_from_file


@pytest.fixture
def clone(tmp_path):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workspace.yaml").write_text("# ours\nload_from:\n")
    return tmp_path


def asked(file, **change) -> Asked:
    said = {"key": "Ticket", "event_at": "opened", "known_at": "closed", "label": "hours > 6", **change}
    return Asked(file, timezone="Europe/Berlin", **said)


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
        ({"label": "opened > '2026-04-01'"}, "known in advance"),
        ({"label": "1 = 1"}, "names no column"),
        ({"label": "note"}, "is text or a time"),
        ({"label": "closed"}, "is text or a time"),
        ({"label": "hours", "task": "binary"}, 'so the task is regression; .* --label "hours > 40"'),
        (
            {"label": "hours", "task": "multiclass"},
            "so the task is regression; for classes write a label that is text",
        ),
        (
            {"label": "price", "task": "count"},
            r"a whole number from 0, and \d+ rows are none, row \d+ is .*--task regr",
        ),
        (
            {"label": "case when hours > 6 then 'on time' else 'On-Time' end"},
            "in one column, probability_on_time",
        ),
        ({"label": "hours > 8", "task": "count"}, "so the task is binary"),
        ({"by": "note"}, "empty in some rows"),
        ({"by": "price"}, "must be text or a whole number"),
        ({"known_at": "price"}, "does not have a moment"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_nothing_is_made(clone, change, told):
    file = clone / "tickets.csv"
    rows().to_csv(file, index=False)
    before = sorted(clone.rglob("*"))
    with pytest.raises(ScaffoldError, match=told) as refused:
        create_from_file("tickets", asked(file, **change), clone)
    assert refused.value.code == 2 and sorted(clone.rglob("*")) == before


def test_a_header_of_several_words_is_a_label_as_it_is(clone):
    file = clone / "tickets.csv"
    rows().rename(columns={"hours": "Hours to close"}).to_csv(file, index=False)
    made = create_from_file("tickets", asked(file, label="hours to close"), clone)
    assert any(note.startswith("the task is regression") for note in made.notes)
    outcomes = (clone / "dbt_project/models/tickets/marts/outcomes.sql").read_text()
    assert "cast((hours_to_close) as double)" in outcomes


def shop(**change) -> pd.DataFrame:
    """Four weeks of a shop that writes down days only, under headers as people write them."""
    days = [datetime.date(2026, 3, 2) + datetime.timedelta(days=n // 4) for n in range(4 * 28)]
    frame = {
        "Order No.": range(4 * 28),
        "date": days,
        "Umsatz in €": [n % 50 + 0.5 for n in range(4 * 28)],
        "returned": ["yes" if n % 3 else "no" for n in range(4 * 28)],
        "settled": [day + datetime.timedelta(days=2) for day in days],
    }
    return pd.DataFrame({**frame, **change})


def make(clone, frame, form="csv", product="shop", **change):
    file = clone / f"rows.{form}"
    frame.to_parquet(file) if form == "parquet" else frame.to_csv(file, index=False)
    said = {
        "key": "Order No.",
        "event_at": "date",
        "known_at": "settled",
        "label": "returned = 'yes'",
        **change,
    }
    made = create_from_file(product, Asked(file, timezone="Europe/Berlin", **said), clone)
    folder = clone / "platform/products" / product
    spec = parse_product((folder / "defs.yaml").read_text(), "defs.yaml")
    contract = parse_contract((folder / spec.sources[0].contract).read_text(), "rows.yaml")
    return made, folder, spec, contract


def test_words_of_yaml_and_of_the_platform_are_names_like_others(clone):
    frame = shop(off=["a", "b"] * 56, label=[n // 2 % 2 for n in range(112)], on=["x", "y", "z"] * 37 + ["w"])
    _, folder, _, _ = make(clone, frame, label="label = 1 and 'label' = 'label'", by="off")
    models = clone / "dbt_project/models/shop"
    for file in [*models.rglob("*.yml"), *folder.rglob("*.yaml")]:
        for model in yaml.safe_load(file.read_text()).get("models", ()):
            assert all(isinstance(column["name"], str) for column in model["columns"])
    assert (
        "cast((label_ = 1 and 'label' = 'label') as boolean)" in (models / "marts/outcomes.sql").read_text()
    )
    with pytest.raises(
        ScaffoldError, match='"off" is not text in YAML, which reads it as False: call it off_product'
    ):
        create_product("off", clone)


def test_columns_known_when_asked_are_declared_and_told_and_later_ones_are_left_out(clone):
    answers = [n % 50 + 0.5 > 25 for n in range(112)]
    frame = shop(returned=["yes" if one else "no" for one in answers], gate=["a", "b", "c", "d"] * 28)
    made, folder, _, contract = make(clone, frame, known_later=("gate",))
    assert {one.name: one.known_at for one in contract.columns} == {
        "order_no": "question", "date": "question",
        "umsatz_in": "row", "returned": "row", "settled": "row", "gate": "row",
    }  # fmt: skip
    questions = (clone / "dbt_project/models/shop/marts/questions.sql").read_text()
    assert "umsatz_in" not in questions.split("select")[-1] and "gate" not in questions.split("select")[-1]
    told = " ".join(made.notes)
    assert "known when the question is asked (knownAt in contracts/rows.yaml): Order No., date;" in told
    assert (
        "column Umsatz in € is left out as known only later, because it alone separates the answers" in told
    )
    assert "# Known with the row: it alone separates" in (folder / "contracts/rows.yaml").read_text()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"known_later": ("date",)}, "--known-later: column date identifies or dates the question"),
        ({"known_later": ("gates",)}, "--known-later: rows.csv has no column 'gates'"),
        ({"by": "seat"}, "--by: column seat is probably known only with the answer: it alone separates"),
    ],
)
def test_a_wrong_choice_of_what_is_known_is_refused(clone, change, told):
    frame = shop(seat=["a" if n % 3 else "b" for n in range(112)])
    with pytest.raises(ScaffoldError, match=re.escape(told)):
        make(clone, pd.concat([frame] * 2).assign(**{"Order No.": range(224)}), **change)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_keeps_the_contract_that_was_made_of_it(clone, form):
    contract = make(clone, shop(), form)[-1]
    landed = Landing(clone / "landing", clone / "quarantine")
    place = landed.folder("shop", "rows") / f"2026-S01.{form}"
    place.parent.mkdir(parents=True)
    place.write_bytes((clone / f"rows.{form}").read_bytes())
    frame = landed.read(landed.scan("shop", "rows").files["2026-S01"], contract)
    assert list(frame.columns) == [
        "order_no",
        "date",
        "umsatz_in",
        "returned",
        "settled",
        "event_at",
        "known_at",
    ]
    assert str(frame["event_at"][0]) == "2026-03-01 23:00:00+00:00", "a day begins at its local midnight"
    assert str(frame["known_at"][0]) == "2026-03-04 23:00:00+00:00", (
        "and what became known on one is known at its end"
    )


@dataclass
class Window:
    key: str
    start: datetime.datetime
    end: datetime.datetime


def test_every_row_of_a_sprint_is_provided_however_long_its_answer_takes(clone):
    late = [day + datetime.timedelta(days=30) for day in shop()["date"]]
    _, folder, spec, _ = make(clone, shop(settled=late))
    names: dict = {"__file__": str(folder / "sources.py")}
    exec(compile((folder / "sources.py").read_text(), "sources.py", "exec"), names)
    assert names["LANDS_AFTER"] == datetime.timedelta(days=31)
    assert spec.model.train_sprints == spec.model.bootstrap_after - 1 + 9, (
        "half of what is learned from is withheld at the backtest's first origin"
    )
    assert spec.features.lookback_sprints == 6, (
        "what is known now was asked 33 days ago, the view looks back 7 more"
    )
    given = [len(names["provide"](one)["rows"]) for one in Calendar.from_spec(spec.calendar).sprints[:4]]
    assert given == [28] * 4


def test_without_text_a_number_groups_and_without_that_everyone_is_one_group(clone):
    label = '"Umsatz in €" > 25'
    frame = shop().drop(columns="returned")
    _, folder, _, _ = make(clone, frame.assign(till=[n % 3 for n in range(len(frame))]), label=label)
    models = clone / "dbt_project/models/shop"
    assert "cast(till as string) as till" in (models / "staging/stg_rows.sql").read_text()
    assert "umsatz_in" not in (models / "marts/questions.sql").read_text().split("select")[-1]
    names: dict = {}
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    assert names["recipe"]().inputs.categorical == ("till",) and "till" not in names["NUMERIC"]
    _, folder, _, _ = make(clone, frame, product="till", label=label)
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    assert names["recipe"]().naive_groups == ("everyone",)
    assert "'everyone' as everyone" in (clone / "dbt_project/models/till/staging/stg_rows.sql").read_text()


def test_a_gap_belongs_to_the_sprint_before_it(clone):
    days = [datetime.date(2025, 12, 1) + datetime.timedelta(days=n + 21 * (n > 20)) for n in range(42)]
    frame = pd.concat([shop().head(42).assign(date=days, settled=days)], ignore_index=True)
    made, _, spec, _ = make(clone, frame)
    assert dict(spec.calendar.lengths) == {"2025-S03": 17, "2026-S01": 18}, "a key is of one year"
    sprints = Calendar.from_spec(spec.calendar).sprints
    held = pd.Series([one.key for day in pd.to_datetime(days).tz_localize("Europe/Berlin")
                      for one in sprints if one.holds(day)])  # fmt: skip
    assert list(held.value_counts(sort=False)) == [7] * 6
    assert any("last longer" in note for note in made.notes)


def test_sprints_too_small_to_judge_anything_are_told(clone):
    made, *_ = make(clone, shop())
    (note,) = [note for note in made.notes if "has 28 rows" in note]
    assert "9 of the rarer answer; a candidate is judged with 10 of either or more" in note
    assert "a first model learns from 222 of them" in note and "bring more history" in note
    assert "--length-days" not in note, "no length helps"


def test_of_a_rare_answer_more_sprints_are_learned_from_and_longer_ones_advised(clone):
    frame = pd.concat([shop()] * 8, ignore_index=True)
    frame["Order No."] = range(len(frame))
    rare = ["yes" if n % 20 == 0 else "no" for n in range(len(frame))]
    made, _, spec, _ = make(clone, frame.assign(returned=rare))
    assert spec.model.train_sprints == 28, (
        "six parts of 50 answers, eleven in a sprint, and one sprint for the delay"
    )
    assert spec.model.bootstrap_after == 28, "27 sprints to learn from, and the one that judges"
    (note,) = [note for note in made.notes if "11 of the rarer answer; a close sees" in note]
    assert "bring more history" in note, "six weeks are too few, however long a sprint is"


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
        with pytest.raises(ScaffoldError, match="is not a product name"):
            traces_of(name, clone)
    # A registration that stayed behind is enough to be removed; a first entry goes without harm to the next.
    create_product("third", clone)
    remove_product("bakery", clone, traces_of("bakery", clone))
    left = yaml.safe_load((clone / "workspace.yaml").read_text())["load_from"]
    assert [one["python_module"]["location_name"] for one in left] == ["third"]


def test_what_is_inferred_is_told_and_the_file_keeps_the_contract(clone) -> None:
    """Codes, a phone number, words for "not known", an overflow mark, decimal commas and an index, in one file."""
    n = 4 * 28
    frame = shop(
        **{
            "Order No.": [f"{one}E1" for one in range(1, n + 1)],
            "phone": ["+4930", "030"] * (n // 2),
            "weight": ["1.5", "N/A", "2.5", "1e300"] * (n // 4),
            "paid": ["12,50", "9,10"] * (n // 2),
            "country": ["NA", "DE"] * (n // 2),
            "row": range(n),
        }
    )
    file = clone / "rows.csv"
    frame.to_csv(file)
    said = Asked(file, "Order No.", "date", "settled", "returned = 'yes'", timezone="Europe/Berlin")
    notes = " | ".join(create_from_file("shop", said, clone).notes)
    for told in (
        "column without a name numbers the rows of the file", "column phone: it is text because of",
        "column weight: 'N/A' means not known; '1e300' is too large: beyond 3.4e38", "(56 rows, the first is row 2)",
        "column paid: it is text: its values look like numbers with a decimal comma", "column country: 'NA' is a value",
        "column row: it numbers the rows",
    ):  # fmt: skip
        assert told in notes, notes
    folder = clone / "platform/products/shop"
    contract = parse_contract((folder / "contracts/rows.yaml").read_text(), "rows.yaml")
    kinds = {column.name: column.logical_type for column in contract.columns}
    assert (kinds["order_no"], kinds["phone"], kinds["weight"]) == ("string", "string", "number")
    assert contract.column("weight").not_known == ("N/A", "1e300")
    names: dict = {}
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    assert "weight" in names["NUMERIC"] and "row" not in names["NUMERIC"]
    landed = Landing(clone / "landing", clone / "quarantine")
    place = landed.folder("shop", "rows") / "2026-S01.csv"
    place.parent.mkdir(parents=True)
    place.write_bytes(file.read_bytes())
    back = landed.read(landed.scan("shop", "rows").files["2026-S01"], contract)
    assert back["order_no"][1] == "2E1" and back["phone"][1] == "030" and back["country"][0] == "NA"
    assert back["weight"].isna().sum() == n // 2


@pytest.mark.parametrize("key", [[float(n) for n in range(112)], [Decimal(n) / 2 for n in range(112)]])
def test_a_floating_key_in_parquet_is_refused_with_a_fix(clone, key) -> None:
    with pytest.raises(
        ScaffoldError, match=r"column Order No\.: a key is never a number.*write the column as text"
    ):
        make(clone, shop(**{"Order No.": key}), "parquet")


@pytest.mark.parametrize("never", ["9999-12-31", "2999-12-31"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_mark_for_never_as_known_at_is_refused_with_its_rows(clone, never, form) -> None:
    frame = shop()
    frame.loc[3:5, "settled"] = datetime.date.fromisoformat(never)
    with pytest.raises(
        ScaffoldError, match=rf"--known-at: column settled .* has '{never}' in 3 rows, the first is row 4"
    ):
        make(clone, frame, form)


def test_a_wide_file_has_one_line_for_the_notes_beyond_a_dozen(clone) -> None:
    made, *_ = make(clone, shop(**{f"c{n}": ["1,5", "2,5"] * 56 for n in range(20)}))
    told = [note for note in made.notes if note.startswith("column c")]
    assert len(told) == 12 and any(note.startswith("8 more columns have notes") for note in made.notes)


def test_a_number_as_label_makes_a_product_that_predicts_it(clone):
    file = clone / "tickets.csv"
    rows().to_csv(file, index=False)
    made = create_from_file("tickets_3", asked(file, label="hours"), clone)
    assert any(
        note.startswith("the task is regression, because the label is a number") for note in made.notes
    )
    folder, models = clone / "platform/products/tickets_3", clone / "dbt_project/models/tickets_3/marts"
    assert parse_product((folder / "defs.yaml").read_text(), "defs.yaml").model.task == "regression"
    assert "cast((hours) as double) as answer" in (models / "outcomes.sql").read_text()
    assert {"name": "answer", "data_type": "double"}.items() <= yaml.safe_load(
        (models / "outcomes.yml").read_text()
    )["models"][0]["columns"][3].items()
    assert "sum(answer) as total" in (models / "known_hours.sql").read_text()
    names: dict = {}
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    recipe = names["recipe"]()
    assert {"past_mean"} <= set(names["NUMERIC"]) and "hours" not in names["NUMERIC"]
    assert type(recipe.build(1)[-1]).__name__ == "HistGradientBoostingRegressor"
    assert type(recipe.twin(1)[-1]).__name__ == "Ridge"


def test_an_answer_that_is_known_when_its_question_is_asked_is_told(clone):
    file = clone / "tickets.csv"
    rows().to_csv(file, index=False)
    made = create_from_file("tickets_4", asked(file, known_at="opened"), clone)
    assert any(
        note.startswith("--known-at is --event-at, so an answer counts as known") for note in made.notes
    )
    remove_product("tickets_4", clone, traces_of("tickets_4", clone))
    made = create_from_file("tickets_4", asked(file), clone)
    assert not any("--known-at is --event-at" in note for note in made.notes)
