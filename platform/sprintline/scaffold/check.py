"""Every declaration of every product, read and told as `file:line: what is wrong; what would be right`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.errors import told
from sprintline.landing.contracts import Contract
from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.product.calendar import Calendar, CalendarError
from sprintline.product.spec import PLATFORM_ASSETS, DeclarationError, ProductSpec, parse_product

if TYPE_CHECKING:
    from sprintline.base.settings import Home
    from sprintline.warehouse.results import Column


def mistakes_of(folder: Path, root: Path, home: Home) -> list[str]:
    """All mistakes of one product, in the order in which they are best mended. Empty when it may be loaded.

    Read are defs.yaml, the contracts, the Python of the product and its features (Feast's objects are built), the
    presence of its SQL, its line in workspace.yaml and, when all that is sound, its models as dbt parses them.
    """
    product = folder.name
    found: list[str] = []
    spec = _spec(folder, root, found)
    found += _python(folder, root)
    found += _workspace(product, root)
    if spec is None:
        return found
    if spec.name != product:
        place = f"{_shown(folder / 'defs.yaml', root)}:1: attributes.name"
        found.append(f'{place}: "{spec.name}" is not the name of the folder; write {product}')
    try:
        Calendar.from_spec(spec.calendar)
    except CalendarError as error:
        found.append(f"{_shown(folder / 'defs.yaml', root)}:1: attributes.calendar: {error}")
    found += _contracts(folder, root, spec)
    found += _recipe(folder, root)
    found += _marts(product, root, spec)
    found += _features(product, root, spec, home)
    if not found and (root / "dbt_project" / "dbt_project.yml").is_file():
        found += _parsed(spec, root, home)
    return found


def _spec(folder: Path, root: Path, found: list[str]) -> ProductSpec | None:
    file = folder / "defs.yaml"
    try:
        fixed = {code for code, rule in all_rules().items() if rule.threshold is None}
        return parse_product(file.read_text(encoding="utf-8"), _shown(file, root), set(all_rules()), fixed)
    except FileNotFoundError:
        found.append(f"{_shown(file, root)}:1: is missing; every product declares itself there")
    except UnicodeDecodeError:
        found.append(f"{_shown(file, root)}:1: is not UTF-8 text; save it as UTF-8")
    except DeclarationError as error:
        found += str(error).splitlines()
    return None


def _python(folder: Path, root: Path) -> Iterator[str]:
    for name, why in (
        ("definitions.py", "Dagster loads the product from it"),
        ("model.py", "it holds the model's recipe"),
    ):
        if not (folder / name).is_file():
            yield f"{_shown(folder / name, root)}:1: is missing; {why}"
    for file in sorted(folder.rglob("*.py")):
        if (mistake := _syntax(file, root)) is not None:
            yield mistake


def _syntax(file: Path, root: Path) -> str | None:
    try:
        ast.parse(file.read_text(encoding="utf-8"), filename=_shown(file, root))
    except SyntaxError as error:
        return f"{_shown(file, root)}:{error.lineno or 1}: {error.msg}; mend the line"
    except (UnicodeDecodeError, ValueError) as error:
        return f"{_shown(file, root)}:1: is no Python text ({error}); save it as UTF-8"
    return None


def _recipe(folder: Path, root: Path) -> Iterator[str]:
    file = folder / "model.py"
    if not file.is_file() or _syntax(file, root) is not None:
        return  # told already
    from sprintline.learning.recipes import Recipe
    from sprintline.product.runtime import product_module

    try:
        recipe = getattr(product_module(folder, "model"), "recipe", None)
        made = recipe() if recipe else None
    except Exception as error:  # noqa: BLE001 - whatever the team's own code raises is a mistake to tell
        yield told(error, root)
        return
    if (sources := folder / "sources.py").is_file() and _syntax(sources, root) is None:
        try:
            product_module(folder, "sources")
        except Exception as error:  # noqa: BLE001 - as above
            yield told(error, root)
    if not isinstance(made, Recipe):
        got = "has no function recipe()" if made is None else f"recipe() returned a {type(made).__name__}"
        yield f"{_shown(file, root)}:1: {got}; write recipe() so that it returns a sprintline.learning.recipes.Recipe"


def _contracts(folder: Path, root: Path, spec: ProductSpec) -> Iterator[str]:
    functions = _functions(folder / "sources.py")
    for source in spec.sources:
        file = folder / source.contract
        try:
            contract = parse_contract(file.read_text(encoding="utf-8"), _shown(file, root))
        except FileNotFoundError:
            yield f"{_shown(file, root)}:1: is missing; source {source.name} of defs.yaml names it as its contract"
            continue
        except DeclarationError as error:
            yield from str(error).splitlines()
            continue
        if (mistake := _moments(contract, source.name, functions)) is not None:
            yield f"{_shown(file, root)}:1: {mistake}"


def _moments(contract: Contract, source: str, functions: set[str]) -> str | None:
    if contract.event_at is None and source not in functions:
        return (
            f"nothing says when a row of {source} happened; name a column in customProperties (eventAt, knownAt), or "
            f"write {source}(frame) in sources.py, returning it with event_at and known_at"
        )
    return None


def _functions(file: Path) -> set[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, SyntaxError, ValueError):
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _marts(product: str, root: Path, spec: ProductSpec) -> Iterator[str]:
    models = root / "dbt_project" / "models" / product
    if not models.is_dir():
        yield f"{_shown(models, root)}:1: is missing; the product's dbt models belong there"
        return
    files = {file.stem: file for file in sorted(models.rglob("*.sql"))}
    names = set(files)
    taken = dict.fromkeys(PLATFORM_ASSETS, "an asset that every product has")
    taken |= {source.name: "a source" for source in spec.sources}
    taken |= dict.fromkeys(spec.features.views, "a feature view")
    for name in sorted(names & set(taken)):
        yield f"{_shown(files[name], root)}:1: {name} is the name of {taken[name]}; call the model something else"
    for mart in (spec.model.questions, spec.model.outcomes):
        if mart not in names:
            file = models / "marts" / f"{mart}.sql"
            yield f"{_shown(file, root)}:1: is missing; defs.yaml names this mart under model"


def _parsed(spec: ProductSpec, root: Path, home: Home) -> Iterator[str]:
    from sprintline.warehouse.dbt import Warehouse, WarehouseError

    try:
        warehouse = Warehouse(spec.name, home, root / "dbt_project")
        warehouse.ensure_manifest()
        yield from _label(spec, warehouse.table_columns(), root)
    except WarehouseError as error:
        # dbt's first line names kind and model, which the file does as well; its line is the template's own.
        told = [line.strip() for line in error.detail.splitlines()[1:] if line.strip()]
        line = next((int(found[1]) for one in told if (found := re.fullmatch(r"line (\d+)", one))), 1)
        why = next(
            (one for one in told if not one.startswith("line ")), error.detail or "dbt does not parse it"
        )
        yield f"dbt_project/{error.file or 'dbt_project.yml'}:{line}: {why}; mend the model"


def _label(spec: ProductSpec, columns: Mapping[str, Sequence[Column]], root: Path) -> Iterator[str]:
    """A model answers yes or no: the label is declared as that, or as the numbers 0 and 1."""
    from sprintline.learning.training import NO_ANSWER

    model = spec.model
    file = root / "dbt_project" / "models" / spec.name / "marts" / f"{model.outcomes}.yml"
    declared = {column.name: column.data_type.lower() for column in columns.get(model.outcomes, ())}
    kind = declared.get(model.label)
    if kind is None:
        told = (
            f"has no column {model.label}, which defs.yaml names as the label; it has {', '.join(declared)}"
        )
    elif kind and not kind.startswith("bool") and not kind.endswith(("int", "integer")):
        told = f"{model.label} is {kind}: {NO_ANSWER.format(label=model.label, outcomes=model.outcomes)}"
    else:
        return
    yield f"{_shown(file, root)}:1: {told}"


def _features(product: str, root: Path, spec: ProductSpec, home: Home) -> Iterator[str]:
    folder = root / "feature_repo" / product
    marts = {file.stem for file in (root / "dbt_project/models" / product / "marts").rglob("*.sql")}
    for view in spec.features.views:
        query = folder / f"{view}.sql"
        if not query.is_file():
            yield f"{_shown(query, root)}:1: is missing; defs.yaml names the view {view}, this is its query"
        elif marts and not marts & set(re.findall(r"\w+", query.read_text(encoding="utf-8"))):
            yield f"{_shown(query, root)}:1: reads no mart; name one: {', '.join(sorted(marts))}"
    module = folder / "views.py"
    if not module.is_file():
        yield f"{_shown(module, root)}:1: is missing; entities, feature views and the service are declared there"
        return
    if (mistake := _syntax(module, root)) is not None:
        yield mistake
        return
    from sprintline.features.views import FeatureError, load_declared

    try:
        declared = load_declared(product, folder, home.lake)
        declared.service(spec.features.service)
        for view in spec.features.views:
            declared.view(view)
    except FeatureError as error:
        yield told(error, root)


def _workspace(product: str, root: Path) -> Iterator[str]:
    file = root / "workspace.yaml"
    if not file.is_file():
        yield "workspace.yaml:1: is missing; the UI and the daemon find the products in it"
    elif f"products.{product}.definitions" not in file.read_text(encoding="utf-8"):
        yield f"workspace.yaml:1: does not name products.{product}.definitions; add a code location for it"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
