"""What is wrong with a product's recipe and its sources.py, found by loading them; and with the label."""

from __future__ import annotations

from collections.abc import Iterator

from sprintline.base.errors import ends_the_process, error_text
from sprintline.base.files import atomic_write
from sprintline.mechanisms.declaration.located_yaml import suggest
from sprintline.product.checked import SOUND, Check, Checked
from sprintline.warehouse.bound import bound


def _recipe(product: Checked) -> Iterator[str]:
    file = product.folder / "model.py"
    if not file.is_file() or product.syntax(file) is not None:
        return  # reported already
    from sprintline.learning.recipes import Recipe
    from sprintline.product.runtime import product_module

    try:
        recipe = getattr(product_module(product.folder, "model"), "recipe", None)
        made = recipe() if recipe else None
    except SystemExit as ended:  # not an Exception: check itself would end, and say nothing
        yield f"{product.shown(file)}:1: {ends_the_process(ended)}"
        return
    except Exception as error:  # noqa: BLE001 - whatever the team's own code raises is a mistake to report
        yield error_text(error, product.root)
        return
    sources = product.folder / "sources.py"
    if sources.is_file() and product.syntax(sources) is None:
        try:
            product_module(product.folder, "sources")
        except SystemExit as ended:
            yield f"{product.shown(sources)}:1: {ends_the_process(ended)}"
        except Exception as error:  # noqa: BLE001 - as above
            yield error_text(error, product.root)
    if not isinstance(made, Recipe):
        got = "has no function recipe()"
        if recipe:
            got = f"recipe() returned {'nothing' if made is None else f'a {type(made).__name__}'}"
        yield (
            f"{product.shown(file)}:1: {got}; write recipe() so that it returns a sprintline.learning.recipes.Recipe"
        )


def _label(product: Checked) -> Iterator[str]:
    """The task exists, and the label is declared as an answer of it."""
    from sprintline.learning.tasks import declared_task, tasks
    from sprintline.learning.tasks.task import TaskError
    from sprintline.warehouse.dbt import Warehouse

    if product.spec is None:
        return
    task = tasks().get(product.spec.model.task)
    if task is None:
        known = suggest(product.spec.model.task, list(tasks()))
        file = product.folder / "defs.yaml"
        line = product.line(file, ("attributes", "model", "task"))
        yield f"{product.shown(file)}:{line}: model.task: there is no task {product.spec.model.task}; {known}"
        return
    try:
        task = declared_task(product.spec.model)
    except TaskError as error:
        file = product.folder / "defs.yaml"
        line = product.line(file, ("attributes", "model", error.option))
        yield f"{product.shown(file)}:{line}: model.{error.option}: {error}"
        return
    if not (product.root / "dbt_project" / "dbt_project.yml").is_file():
        return
    model = product.spec.model
    file = product.root / "dbt_project" / "models" / product.product / "marts" / f"{model.outcomes}.yml"
    warehouse = Warehouse(product.product, product.home, product.root / "dbt_project")
    columns = warehouse.table_columns().get(model.outcomes, ())
    declared = {column.name: column.data_type.lower() for column in columns}
    kind = declared.get(model.label)
    if kind is None:
        wrong = (
            f"has no column {model.label}, which defs.yaml names as the label; it has {', '.join(declared)}"
        )
    elif kind and not task.takes(kind):
        wrong = f"{model.label} is {kind}: {task.told(model.label, model.outcomes)}"
    else:
        return
    yield f"{product.shown(file)}:1: {wrong}"


def _inputs(product: Checked) -> Iterator[str]:
    """Inputs that nothing gives, that are the answer itself, or that are computed from it."""
    from sprintline.features.given import given
    from sprintline.features.store import FeatureStore
    from sprintline.lake.tables import Lake
    from sprintline.learning.answer_columns import computed_from_the_answer
    from sprintline.learning.inputs_declared import wrong_inputs
    from sprintline.product.runtime import product_module

    file = product.folder / "model.py"
    if product.spec is None or not file.is_file():
        return
    spec, shown = product.spec, product.shown(file)
    try:
        inputs = product_module(product.folder, "model").recipe().inputs  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - reported by another check
        return
    store = FeatureStore(
        product.product, product.home, Lake(product.home.lake), product.root / "feature_repo"
    )
    features = given(store)
    with bound(product) as (run, columns, _):
        if run is None or features is None or spec.model.questions not in run.bound:
            return
        questions = run.columns(spec.model.questions)
        kinds = features.of(spec.features.service, spec.features.views)
        yield from wrong_inputs(
            inputs,
            file,
            shown,
            questions,
            kinds,
            spec.model.label,
            spec.features.service,
            spec.model.questions,
        )
        asked = [name for name in inputs.names if name in questions and name != spec.model.label]
        yield from computed_from_the_answer(run, spec.model, columns, asked, file, shown)


def _served(product: Checked) -> Iterator[str]:
    """A recipe whose model or twin would not be served exactly; tried again only when code or libraries change."""
    file = product.folder / "model.py"
    if not file.is_file():
        return
    from sprintline.learning.tasks import declared_task
    from sprintline.learning.tasks.task import TaskError
    from sprintline.learning.trial import code_tried, objections
    from sprintline.product.runtime import product_module

    if product.spec is None:
        return
    try:
        task = declared_task(product.spec.model)
    except (LookupError, TaskError):
        return  # reported already
    good = product.home.models / "tried" / product.product
    tried = " ".join([task.name, *map(str, task.given_options.values()), code_tried(product.folder)])
    if good.is_file() and good.read_text(encoding="utf-8") == tried:
        return
    try:
        found = objections(product_module(product.folder, "model").recipe(), task=task)  # type: ignore[union-attr]
    except Exception as error:  # noqa: BLE001 - whatever the team's own code raises is a mistake to report
        yield error_text(error, product.root)
        return
    source = file.read_text(encoding="utf-8")
    for one in found:
        yield f"{product.shown(file)}:{one.line(source)}: the {one.which} would not be served exactly: {one.text}"
    if not found:
        atomic_write(good, tried)


CHECKS = (Check(40, _recipe), Check(91, _label, SOUND), Check(95, _inputs, SOUND), Check(96, _served, SOUND))
