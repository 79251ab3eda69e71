"""`sprintline new PRODUCT`: a registered product with a small invented data set, which can close sprints at once.

Everything is written to temporary folders first and moved at the end, so a product is created completely or not at all.
The templates are plain files in `templates/product/` with two placeholders, `__product__` and `__title__`. They are
valid YAML, SQL and Python, so editors and linters can read them.
"""

from __future__ import annotations

import keyword
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from sprintline.base.files import atomic_write
from sprintline.base.locks import file_lock
from sprintline.landing.inferred import reserved_words
from sprintline.mechanisms.declaration.declarations import declarations
from sprintline.product.calendar import Calendar
from sprintline.product.spec import parse_product
from sprintline.scaffold.sample import deliveries_csv, orders_csv, seed_of

TEMPLATES = Path(__file__).with_name("templates") / "product"

#: Where each part of the templates goes, from the clone's root. The product's own folder comes last, before only
#: workspace.yaml: a product without registration and folder under products/ is never loaded.
PLACES = {
    "models": "dbt_project/models/{product}",
    "features": "feature_repo/{product}",
    "product": "platform/products/{product}",
}

#: Other folders that a product may have: its macros, and its tests, which are collected while the product exists.
ALSO = ("dbt_project/macros/products/{product}", "tests/products/{product}")

Fill = Callable[[str, Path], None]

#: A product's warehouse file is a catalog of its name, beside the schemas of its models and the catalogs of DuckDB.
_OF_THE_WAREHOUSE = frozenset(
    {
        "lake",
        "staging",
        "intermediate",
        "marts",
        "main",
        "temp",
        "system",
        "memory",
        "information_schema",
        "pg_catalog",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_FIRST_ENTRY = re.compile(
    r"^load_from:[^\S\n]*(?:#[^\n]*)?\n(?:[^\S\n]*(?:#[^\n]*)?\n)*?([^\S\n]*)-[^\S\n]", re.MULTILINE
)
_EMPTY_LIST = re.compile(r"^load_from:[^\S\n]*(?:\[\s*\]|null|~)?[^\S\n]*$", re.MULTILINE)


class ScaffoldError(Exception):
    """The product was not made, and nothing was written. `code` is the exit code: 2 for a bad name, else 1."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Made:
    """What was made: the files, the line of workspace.yaml with the new code location, and notes for the owner."""

    product: str
    files: tuple[Path, ...]
    workspace_line: int
    notes: tuple[str, ...] = ()


def create_product(product: str, root: Path, fill: Fill | None = None) -> Made:
    """Make a data product in a clone.

    Args:
        product: its name: folder, dbt models, features, code location.
        root: the clone, the folder with `platform/`, `dbt_project/`, `feature_repo/` and `workspace.yaml`.
        fill: writes a part (a key of PLACES) into a folder; by default the templates with their invented sample.

    Raises:
        ScaffoldError: the name cannot be used, something of that name is there, or a file could not be written. The
            clone is then as it was.
    """
    check_name(product)
    products = root / "platform" / "products"
    if not products.is_dir():
        raise ScaffoldError(f"{products} is missing: run this in a Sprintline clone")
    with alone(products):
        for place in PLACES.values():
            target = root / place.format(product=product)
            if target.exists() and not (target.is_dir() and not any(target.iterdir())):
                raise ScaffoldError(
                    f"{target.relative_to(root)} already exists: choose another name, or remove it", code=2
                )
        workspace, line = _registered(root / "workspace.yaml", product)
        try:
            return Made(product, tuple(_install(product, root, workspace, fill or _sample_of(product))), line)
        except OSError as error:
            raise ScaffoldError(
                f"{error.filename or root}: {error.strerror or error}; nothing was made, fix that and call again"
            ) from error


def is_name(product: str) -> bool:
    """Whether a product can have this name."""
    return _NAME.fullmatch(product) is not None


def traces_of(product: str, root: Path) -> list[Path]:
    """The folders of a product's code and tests, in the order of their removal.

    Raises ScaffoldError for a name without a folder and without an entry in workspace.yaml.
    """
    if not is_name(product):
        raise ScaffoldError(f'"{product}" is not a product name; {_known(root)}', code=2)
    found = [root / place.format(product=product) for place in (*PLACES.values(), *ALSO)]
    found = [folder for folder in found if folder.is_dir()]
    workspace = root / "workspace.yaml"
    if not found and not (workspace.is_file() and f"products.{product}.definitions" in workspace.read_text()):
        raise ScaffoldError(f"there is no product {product}; {_known(root)}", code=2)
    return found


def check_removable(product: str, root: Path) -> None:
    """Raises ScaffoldError if the product's entry in workspace.yaml cannot be separated from the others."""
    if (file := root / "workspace.yaml").is_file():
        _unregistered(file, product)


def remove_product(product: str, root: Path, traces: list[Path]) -> None:
    """Remove a product from workspace.yaml and delete `traces`: what `traces_of` found, and more.

    The entry is removed first, so that an incomplete product is not loaded. Safe to repeat. Raises ScaffoldError if the
    entry in workspace.yaml cannot be separated from the others; nothing is removed then.
    """
    with alone(root / "platform" / "products"):
        file = root / "workspace.yaml"
        if file.is_file():
            atomic_write(file, _unregistered(file, product))
        for place in traces:
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)


def _known(root: Path) -> str:
    names = sorted(file.parent.name for file in (root / "platform" / "products").glob("*/defs.yaml"))
    return f"the products are {', '.join(names)}" if names else "there is none yet"


def _unregistered(file: Path, product: str) -> str:
    """The text of workspace.yaml without the product's entry; comments and the other entries stay as they are."""
    text = file.read_text(encoding="utf-8")
    module = f"products.{product}.definitions"
    before = _locations(text, file)
    rest = [entry for entry in before if module not in str(entry)]
    if rest == before:
        return text
    parts = re.split(r"(?m)^(?=[^\S\n]*-[^\S\n])", text)
    shrunk = "".join(part for part in parts if not re.search(rf"\b{re.escape(module)}\b", part))
    with suppress(ScaffoldError):
        if _locations(shrunk, file) == rest:
            return shrunk
    raise ScaffoldError(f"{file.name}: the entry of {product} is not a separate list item; remove it by hand")


def check_name(product: str) -> None:
    """Raises ScaffoldError, with a name that would do, for a name that no product can have."""
    like = re.sub(r"[^a-z0-9]+", "_", product.lower()).strip("_")
    if not _NAME.fullmatch(product):
        like = like if like and like[0].isalpha() else f"product_{like}".rstrip("_")
        raise ScaffoldError(
            f'"{product}" is not a product name: use small letters, digits and underscores, at most 41, letter first; '
            f"for example {like[:41].rstrip('_')}",
            code=2,
        )
    if keyword.iskeyword(product) or keyword.issoftkeyword(product):
        raise ScaffoldError(
            f'"{product}" is a keyword of Python: call it {product}_product, for example', code=2
        )
    if product in _OF_THE_WAREHOUSE or product in reserved_words():
        raise ScaffoldError(
            f'"{product}" is a reserved word of the warehouse: call it {product}_product, for example',
            code=2,
        )
    if not isinstance(yaml.safe_load(product), str):
        raise ScaffoldError(
            f'"{product}" is not text in YAML, which reads it as {yaml.safe_load(product)}: call it {product}_product, '
            f"for example",
            code=2,
        )
    if product in sys.stdlib_module_names or product in ("sprintline", "products"):
        raise ScaffoldError(
            f'"{product}" is the name of a Python module: call it {product}_product, for example', code=2
        )


def _install(product: str, root: Path, workspace: str, fill: Fill) -> Iterator[Path]:
    """Write everything to temporary folders, then move it; undo everything when a step fails."""
    staged: list[tuple[Path, Path]] = []
    moved: list[Path] = []
    try:
        for part, place in PLACES.items():
            target = root / place.format(product=product)
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(prefix=f".new-{product}-", dir=target.parent))
            beside.chmod(0o755)
            staged.append((beside, target))
            fill(part, beside)
            if part == "product":
                _declare_required(beside)
        fresh = root / f".workspace-{product}.yaml"
        staged.append((fresh, root / "workspace.yaml"))
        fresh.write_text(workspace, encoding="utf-8")
        for beside, target in staged[:-1]:
            with suppress(FileNotFoundError):
                target.rmdir()  # an empty folder of that name, as `dg scaffold` leaves one, is not a product
            beside.rename(target)
            moved.append(target)
        fresh.replace(root / "workspace.yaml")
    except BaseException:
        for folder in moved:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        for beside, _ in staged:
            if beside.is_dir():
                shutil.rmtree(beside, ignore_errors=True)
            else:
                beside.unlink(missing_ok=True)
    return (file for folder in reversed(moved) for file in sorted(folder.rglob("*")) if file.is_file())


def _sample_of(product: str) -> Fill:
    def fill(part: str, folder: Path) -> None:
        _fill(TEMPLATES / part, folder, product)
        if part == "product":
            _write_sample(folder / "sample", product)

    return fill


def _declare_required(folder: Path) -> None:
    """Examples of the declaration files that every product has and the templates do not."""
    spec = parse_product((folder / "defs.yaml").read_text(encoding="utf-8"), "defs.yaml")
    for declaration in declarations():
        if declaration.required and not declaration.many and not declaration.files(folder):
            text = declaration.example_for(Calendar.from_spec(spec.calendar).keys)
            (folder / declaration.file).write_text(text, encoding="utf-8")


def _fill(source: Path, target: Path, product: str) -> None:
    title = product.replace("_", " ").capitalize()
    for file in sorted(source.rglob("*")):
        if not file.is_file() or "__pycache__" in file.parts:
            continue
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        place.write_text(text.replace("__product__", product).replace("__title__", title), encoding="utf-8")


def _write_sample(folder: Path, product: str) -> None:
    folder.mkdir()
    seed = seed_of(product)
    (folder / "orders.csv").write_text(orders_csv(seed), encoding="utf-8")
    (folder / "deliveries.csv").write_text(deliveries_csv(seed), encoding="utf-8")


def _registered(file: Path, product: str) -> tuple[str, int]:
    """The text of workspace.yaml with the product's code location added at its end, and the line of the addition.

    Text is added instead of writing the YAML again, so that the team's comments and order stay.
    """
    text = (
        file.read_text(encoding="utf-8")
        if file.exists()
        else "# One code location per data product.\nload_from:\n"
    )
    module = f"products.{product}.definitions"
    before = _locations(text, file)
    if module in str(before):
        raise ScaffoldError(
            f"{file.name} already names {module}: remove that entry, or choose another name", code=2
        )
    if not before:
        text = _EMPTY_LIST.sub("load_from:", text)
    indent = found.group(1) if (found := _FIRST_ENTRY.search(text)) else "  "
    text = text.rstrip("\n") + "\n"
    line = text.count("\n") + 1
    entry = [
        "- python_module:",
        f"    module_name: {module}",
        f"    location_name: {product}",
        "    working_directory: platform",
    ]
    grown = text + "".join(f"{indent}{row}\n" for row in entry)
    added = {
        "python_module": {"module_name": module, "location_name": product, "working_directory": "platform"}
    }
    # The changed file must read as before with one more entry; otherwise it is left to its owner.
    with suppress(ScaffoldError):
        if _locations(grown, file) == [*before, added]:
            return grown, line
    raise ScaffoldError(
        f"{file.name}: it does not end with the list load_from, so nothing was added; put load_from last, "
        f"with an entry per line"
    )


def _locations(text: str, file: Path) -> list[object]:
    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ScaffoldError(
            f"{file.name}:{mark.line + 1 if mark else 1}: is not YAML; fix it first"
        ) from error
    listed = data.get("load_from") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not (listed is None or isinstance(listed, list)):
        raise ScaffoldError(
            f"{file.name}:1: has no list load_from; write load_from: with an entry per code location"
        )
    return list(listed or [])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One scaffolder at a time, so that two products made at once both get their line in workspace.yaml."""
    with file_lock(folder / "__init__.py"):
        yield
