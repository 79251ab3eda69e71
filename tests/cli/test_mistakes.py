"""docs/reference/errors.md is true: each mistake is made, its command is given, and the answer is the one told.

The page is the list. Here stands only how each mistake is made.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sprintline.base import settings
from sprintline.cli import main as command
from sprintline.scaffold.create import create_product
from sprintline.scaffold.published import publish_table

PAGE = settings.ROOT / "docs" / "reference" / "errors.md"
ROWS = re.findall(r"^\| (.+?) \| `(.+?)` \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

DEFS = "platform/products/bakery/defs.yaml"
ORDERS = "platform/products/bakery/contracts/orders.yaml"
MODEL = "platform/products/bakery/model.py"
QUESTIONS = "dbt_project/models/bakery/marts/questions.sql"
OUTCOMES = "dbt_project/models/bakery/marts/outcomes.yml"
SOURCES = "platform/products/bakery/sources.py"
VIEWS = "feature_repo/bakery/views.py"
QUERY = "feature_repo/bakery/courier_delays.sql"
ROWS_OF = {"id": ["a", "b"], "asked": ["2026-01-05T08:00:00Z"] * 2, "known": ["2026-01-05T09:00:00Z"] * 2,
           "group": ["x", "y"], "minutes": [1, 90]}  # fmt: skip

Spoil = Callable[[Path], object]


def edit(file: str, old: str, new: str) -> Spoil:
    def spoil(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} holds no {old!r}"
        (root / file).write_text(text.replace(old, new, 1))

    return spoil


def edits(*spoils: Spoil) -> Spoil:
    return lambda root: [spoil(root) for spoil in spoils]


def gone(file: str) -> Spoil:
    return lambda root: (root / file).unlink()


def utf_16(file: str) -> Spoil:
    return lambda root: (root / file).write_text((root / file).read_text(), encoding="utf-16")


def file_of(**change: list) -> Spoil:
    return lambda root: pd.DataFrame({**ROWS_OF, **change}).to_csv(root / "own.csv", index=False)


def text_of(change: Callable[[str], str], encoding: str = "utf-8") -> Spoil:
    """The file as it should be, with something done to its text."""
    whole = pd.DataFrame(ROWS_OF).to_csv(index=False)
    return lambda root: (root / "own.csv").write_text(change(whole), encoding=encoding)


def another_scores(root: Path) -> None:
    (root / QUESTIONS).with_name("scores.sql").write_text("select 1")


def no_deliveries(root: Path) -> None:
    text = (root / DEFS).read_text()
    start = text.index("    - name: deliveries")
    (root / DEFS).write_text(text[:start].rstrip() + text[text.index("\n\n", start) :])


def finding(code: str, sprint: str) -> Spoil:
    text = f'findings:\n  - code: {code}\n    sprints: ["{sprint}"]\n    why: looked at\n'
    return lambda root: (root / DEFS).with_name("findings.yaml").write_text(text)


def state_is_a_file(root: Path) -> None:
    settings.home().root.write_text("")


def keys_are_a_file(root: Path) -> None:
    keys = root / "keys"
    keys.write_text("")
    os.environ["SPRINTLINE_KEYS"] = str(keys)


def reads_florist(publish: bool = True, product: str = "florist", version: str = "^1") -> Spoil:
    """Another product, and the bakery reading its orders."""

    def spoil(root: Path) -> None:
        create_product("florist", root)
        if publish:
            publish_table("florist", "orders", None, root)
        entry = f'published: {{product: {product}, table: orders, version: "{version}"}}'
        edit(DEFS, "\n  features:", f"    - name: flowers\n      {entry}\n\n  features:")(root)

    return spoil


MISTAKES: dict[str, Spoil | None] = {
    "a name with capitals or hyphens": None,
    "a word of Python as name": None,
    "the name of a Python module": None,
    "a word of SQL as name": None,
    "a word of YAML as name": None,
    "a name of the warehouse's own": None,
    "a name that is taken": None,
    "a product that is not there": None,
    "a product to remove that is not there": None,
    "a key misspelt": edit(DEFS, "length_days", "lenght_days"),
    "a key at the wrong place": edit(DEFS, "attributes:", "owners: []\nattributes:"),
    "a number in quotes": edit(DEFS, "length_days: 7", 'length_days: "7"'),
    "no date": edit(DEFS, '"2026-01-05"', '"5 January"'),
    "a time zone that is none": edit(DEFS, "Europe/Berlin", "Europe/Berln"),
    "a plan that ends before it starts": edit(DEFS, '"2026-08-03"', '"2025-08-03"'),
    "a rule that is none": edit(DEFS, "  drift:", "  rules: {DQ999: {severity: warn}}\n  drift:"),
    "a rule switched off": edit(DEFS, "  drift:", "  rules: {DQ102: {severity: off}}\n  drift:"),
    "a finding of a rule that is none": finding("FT999", "2026-S01"),
    "a finding in a sprint that is none": finding("FT303", "2013-S01"),
    "a declaration file misspelt": lambda root: (root / DEFS).with_name("findigs.yaml").write_text("findings: []"),
    "a declaration file that is none": None,
    "not YAML": edit(DEFS, "  name: bakery", "\tname: bakery"),
    "a contract that is not there": gone(ORDERS),
    "a type that is none": edit(ORDERS, "logicalType: number", "logicalType: numbr"),
    "no primary key": edit(ORDERS, "primaryKey: true", "primaryKey: false"),
    "a moment that no column holds": edit(ORDERS, "value: placed_at", "value: placed"),
    "a column name with a space": edit(ORDERS, "- name: courier", '- name: "the courier"'),
    "Python that does not parse": edit(MODEL, "def recipe() -> Recipe:", "def recipe( -> Recipe:"),
    "no recipe": edit(MODEL, "def recipe()", "def receipt()"),
    "a recipe that is none": edit(MODEL, "return Recipe(", "return dict("),
    "a recipe that raises": edit(MODEL, "    return Recipe(", '    raise ValueError("no oven")\n    return Recipe('),
    "a recipe that the platform refuses": edit(MODEL, 'naive_groups=("courier",)', 'naive_groups=("moon",)'),
    "a mart that is not there": gone(QUESTIONS),
    "a source that models read and no one declares": no_deliveries,
    "a view without its query": gone(QUERY),
    "a view that reads no mart": edit(QUERY, "'courier_hours'", "'courier_hour'"),
    "a model under another asset's name": another_scores,
    "a source under another asset's name": edit(DEFS, "name: orders", "name: drift"),
    "a feature service that is none": edit(VIEWS, 'name="bakery_v1"', 'name="bakery_v2"'),
    "a product that is not loaded": edit("workspace.yaml", "products.bakery.definitions", "products.bakry.definitions"),
    "a rule code that is none": None,
    "a waiver for a rule that is none": None,
    "a waiver for a sprint that is past": None,
    "a model that is none": None,
    "a model before there is one": None,
    "more sprints than are planned": None,
    "a state folder that is a file": state_is_a_file,
    "a command that is none": None,
    "half of the options": file_of(),
    "a column that is not there": file_of(),
    "a file that is not there": None,
    "a key that repeats": file_of(id=["a", "a"]),
    "a moment without its time": file_of(asked=["5.1.2026", "6.1.2026"]),
    "an answer that is not there yet": file_of(known=["2026-01-05T09:00:00Z", ""]),
    "an answer before its question": file_of(known=["2026-01-04T08:00:00Z"] * 2),
    "a label that never holds": file_of(),
    "a label that is no condition": file_of(),
    "a label over a name that is only the file's": text_of(lambda csv: csv.replace("minutes", "the minutes")),
    "a header that names nothing": text_of(lambda csv: csv.replace("\n", ",\n")),
    "a header twice": text_of(lambda csv: csv.replace("group", "minutes")),
    "semicolons": text_of(lambda csv: csv.replace(",", ";")),
    "Excel under the name of CSV": text_of(lambda csv: "PK\x03\x04"),
    "UTF-16": text_of(lambda csv: csv, "utf-16"),
    "a header and nothing else": text_of(lambda csv: csv.partition("\n")[0]),
    "a source for a product that is not there": file_of(),
    "a source under a name that is taken": file_of(),
    "a source whose key repeats": file_of(id=["a", "a"]),
    "a source of another time": file_of(asked=["2020-01-05T08:00:00Z"] * 2),
    "too many sprints without a row": file_of(
        asked=["2024-01-05T08:00:00Z", "2026-01-05T08:00:00Z"], known=["2026-01-05T09:00:00Z"] * 2
    ),
    "a number to be predicted": edit(
        OUTCOMES, "- name: late\n        data_type: boolean", "- name: late\n        data_type: double"
    ),
    "a label that is no column": edit(DEFS, "label: late", "label: tardy"),
    "an estimator that is not served exactly": edit(MODEL, "seed, **BOOSTING", "seed, categorical_features=[0]"),
    "an estimator that cannot take nulls": edits(
        edit(MODEL, "import HistGradientBoostingClassifier", "import GradientBoostingClassifier"),
        edit(MODEL, "HistGradientBoostingClassifier(random_state=seed, **BOOSTING)", "GradientBoostingClassifier()"),
    ),
    "columns as a text in a recipe": edit(MODEL, 'naive_groups=("courier",)', 'naive_groups="courier"'),
    "a recipe that is not returned": edit(MODEL, "return Recipe(", "made = Recipe("),
    "an exit in model.py": edit(MODEL, "    return Recipe(", "    raise SystemExit(3)\n    return Recipe("),
    "an exit in sources.py": edit(SOURCES, "return dropped\n", 'return dropped\nraise SystemExit("done")\n'),
    "an exit in views.py": lambda root: (root / VIEWS).write_text('raise SystemExit("done")\n'),
    "a library that is not installed": edit(MODEL, "    return Recipe(", "    import lightgbmx\n    return Recipe("),
    "a key given twice": edit(DEFS, "    length_days: 7", "    length_days: 7\n    length_days: 14"),
    "a sprint of no days": edit(DEFS, "length_days: 7", "length_days: 0"),
    "a defs.yaml that is a folder": edits(gone(DEFS), lambda root: (root / DEFS).mkdir()),
    "a contract that is a folder": edits(gone(ORDERS), lambda root: (root / ORDERS).mkdir()),
    "a defs.yaml in another encoding": utf_16(DEFS),
    "a setting misspelt": lambda root: os.environ.__setitem__("SPRINTLINE_HOEM", "/tmp"),
    "a file as the state folder of a shell": state_is_a_file,
    "a file as the folder of the keys": keys_are_a_file,
    "a folder in place of a file": lambda root: (root / "own.csv").mkdir(),
    "an ending in capitals": lambda root: pd.DataFrame(ROWS_OF).to_csv(root / "own.CSV", index=False),
    "an Excel file": lambda root: (root / "own.xlsx").write_bytes(b"PK"),
    "an address in place of a file": None,
    "questions separated by semicolons": text_of(lambda csv: csv.replace(",", ";")),
    "questions with a header twice": text_of(lambda csv: csv.replace("group", "minutes")),
    "questions with a field too many": text_of(lambda csv: csv.replace("1\n", "1,7\n").replace("90", "90,7")),
    "questions in UTF-16": text_of(lambda csv: csv, "utf-16"),
    "questions without a row": text_of(lambda csv: csv.partition("\n")[0]),
    "questions in a folder": lambda root: (root / "own.csv").mkdir(),
    "questions in Excel": lambda root: (root / "own.xlsx").write_bytes(b"PK"),
    "predictions under another ending": file_of(),
    "predictions in a folder that is not there": file_of(),
    "predictions over their questions": file_of(),
    "predictions before there is a model": file_of(),
    "sources that do not load": edit(SOURCES, "return dropped\n", 'return dropped\nraise RuntimeError("no till")\n'),
    # Last, because dbt keeps what it failed on within a process; a command is a process of its own.
    "a model that does not parse": edit(QUESTIONS, "{{ in_sprint() }}", "{{ in_sprint( }}"),
    "a published table of a product that is not there": reads_florist(product="parcls"),
    "a table that is not published": reads_florist(publish=False),
    "a contract version that is not the publisher's": reads_florist(version="^2"),
    "a source with two places for its rows": edit(
        DEFS,
        "contract: contracts/orders.yaml",
        'contract: contracts/orders.yaml\n      published: {product: florist, table: orders, version: "^1"}',
    ),
    "a table to publish that is not in the lake": None,
    "a table to add that is not published": lambda root: create_product("florist", root),
    "a product to remove that others read": reads_florist(),
}  # fmt: skip


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    for part in ("dbt_project.yml", "profiles.yml", "macros"):
        (root / "dbt_project" / part).symlink_to(settings.ROOT / "dbt_project" / part)
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SPRINTLINE_RECORDS_URL", raising=False)
    monkeypatch.delenv("SPRINTLINE_DEBUG", raising=False)
    environment = dict(os.environ)
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.chdir(root)
    create_product("bakery", root)
    yield root
    for name in {name for name in os.environ if os.environ[name] != environment.get(name)}:
        del os.environ[name]
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.startswith(("products.bakery", "products.florist"))]:
        del sys.modules[name]


def said(line: str, monkeypatch, capsys) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as ended:
        command.main()
    out, err = capsys.readouterr()
    return ended.value.code, out + err


def test_every_mistake_of_the_page_is_made_here():
    assert [mistake for mistake, _, _ in ROWS] == list(MISTAKES) and len(ROWS) >= 20


@pytest.mark.parametrize(("mistake", "line", "answer"), ROWS, ids=[row[0].replace(" ", "-") for row in ROWS])
def test_a_mistake_is_answered_with_place_and_mend(clone, monkeypatch, capsys, mistake, line, answer):
    if spoil := MISTAKES[mistake]:
        spoil(clone)
    code, told = said(line, monkeypatch, capsys)
    assert code in (1, 2), told
    assert "Traceback" not in told and len(told.splitlines()) < 12
    wanted = ".*".join(map(re.escape, answer.replace("\\|", "|").split("…")))
    assert re.search(wanted, " ".join(told.split())), f"\nthe page: {answer}\nthe answer: {told}"


def test_a_taken_port_is_answered(clone, monkeypatch, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = said(f"sprintline ui --port {taken.getsockname()[1]}", monkeypatch, capsys)
    assert code == 1 and "end what listens there, or choose another with --port" in told


def test_a_python_that_is_too_old_is_answered():
    script = PAGE.parents[2] / "tools" / "setup.sh"
    done = subprocess.run(
        [script, "nowhere"], env={"PYTHON": "false", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 1 and "is not Python 3.11, 3.12 or 3.13. Install python3.11" in done.stderr
