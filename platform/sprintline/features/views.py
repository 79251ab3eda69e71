"""What a product declares about its features: `feature_repo/<product>/views.py` and a `<view>.sql` beside it.

`views.py` is plain Feast: entities, feature views, feature services. Its only helper is `lake_source`, which knows
where the lake is, so that the same file serves the platform, a test on a temporary home and Feast's own commands.
Each product's module is loaded by its path under a unique name: one that does not import stops only its product.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sprintline.base import settings
from sprintline.base.errors import ends_the_process
from sprintline.base.hashing import text_hash

if TYPE_CHECKING:
    from feast import Entity, FeatureService, FeatureView
    from feast.infra.offline_stores.file_source import FileSource

EVENT = "event_timestamp"
CREATED = "created_timestamp"

_KINDS = {
    "INT32": "integer",
    "INT64": "integer",
    "FLOAT": "real",
    "DOUBLE": "real",
    "STRING": "text",
    "BOOL": "boolean",
    "UNIX_TIMESTAMP": "moment",
}

_lake_root: ContextVar[Path | None] = ContextVar("lake_root", default=None)
_serial = itertools.count()


class FeatureError(RuntimeError):
    """A feature declaration, query, table or range that cannot be used; the message says where, and the fix."""


class NothingInReachError(FeatureError):
    """A feature table exists, but has no row in the requested range."""


@dataclass(frozen=True)
class Declared:
    """The Feast objects of one product, by name."""

    product: str
    module: Path
    entities: dict[str, Entity]
    views: dict[str, FeatureView]
    services: dict[str, FeatureService]

    def objects(self) -> list[Any]:
        return [*self.entities.values(), *self.views.values(), *self.services.values()]

    def view(self, name: str) -> FeatureView:
        return self._known(self.views, name, "feature view")

    def service(self, name: str) -> FeatureService:
        return self._known(self.services, name, "feature service")

    def keys(self, view: str) -> list[str]:
        """The join keys of a view, in the order of its entities."""
        return [self.entities[name].join_key for name in self.view(view).entities]

    def service_views(self, service: str) -> dict[str, list[str]]:
        """The features a service takes, by view, in the service's order."""
        return {
            projection.name: [feature.name for feature in projection.features]
            for projection in self.service(service).feature_view_projections
        }

    def kinds(self, view: str) -> dict[str, str]:
        """The declared kind of each feature of a view, in `check_feature_frame`'s words. Raises FeatureError."""
        kinds = {}
        for field in self.view(view).features:
            name = field.dtype.to_value_type().name
            kind = _KINDS.get(name)
            if kind is None:
                raise FeatureError(
                    f"{self.module}: view {view}: feature {field.name} has type {name}: use a number, text or bool"
                )
            kinds[field.name] = kind
        return kinds

    def _known(self, of: dict[str, Any], name: str, kind: str) -> Any:
        if name not in of:
            raise FeatureError(
                f"{self.module}: no {kind} {name!r}; there are {', '.join(sorted(of)) or 'none'}"
            )
        return of[name]


def lake_source(product: str, view: str) -> FileSource:
    """The Feast source of a feature view: its Delta table `<product>/<view>` in the lake.

    For `views.py`. Inside the platform the lake is that of the current home, otherwise (`feast apply` in a shell) that
    of `SPRINTLINE_HOME`. Every feature table has the same two moments: `event_timestamp`, from which a row is valid,
    and `created_timestamp`, the latest moment at which any of its inputs became known.
    """
    from feast.data_format import DeltaFormat
    from feast.infra.offline_stores.file_source import FileSource

    root = _lake_root.get() or settings.home().lake
    return FileSource(
        name=f"{product}.{view}",
        path=str(root / product / view),
        file_format=DeltaFormat(),
        timestamp_field=EVENT,
        created_timestamp_column=CREATED,
        description=f"Lake table {product}/{view}, a partition per sprint",
    )


@contextmanager
def lake_at(root: Path) -> Iterator[None]:
    """Within this block `lake_source` points into the given lake."""
    token = _lake_root.set(root)
    try:
        yield
    finally:
        _lake_root.reset(token)


def fingerprint(folder: Path, *settings_text: str) -> str:
    """Hash of everything that `apply` depends on: the product's Python and SQL, and the settings given.

    Raises FeatureError when the product has no `views.py`.
    """
    module = folder / "views.py"
    if not module.is_file():
        raise FeatureError(
            f"{module}: missing: declare the product's entities, feature views and service there"
        )
    files = sorted(path for path in folder.iterdir() if path.suffix in {".py", ".sql"})
    texts = [f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in files]
    return text_hash("\0".join([*texts, *settings_text]))


def load_declared(product: str, folder: Path, lake_root: Path) -> Declared:
    """Load a product's `views.py` and check what Feast would only find later.

    Raises:
        FeatureError: the module does not import, declares no service or no view, declares a name twice, or a view lacks
            a ttl, a typed schema with its keys, or the two timestamps. The message begins with file:line.
    """
    path = folder / "views.py"
    module = _import(product, path, lake_root)
    declared = _collect(product, path, module)
    lines = _Lines(path)
    if not declared.services:
        raise FeatureError(
            f"{path}:1: declares no feature service: add a FeatureService that names the model's views"
        )
    if not declared.views:
        raise FeatureError(f"{path}:1: declares no feature view: add a FeatureView per entity")
    for name, view in declared.views.items():
        place = f"{path}:{lines.of(name)}"
        for entity in view.entities:
            if entity not in declared.entities:
                raise FeatureError(
                    f"{place}: view {name} uses entity {entity!r}, not declared here: add the Entity"
                )
        if not isinstance(view.ttl, timedelta) or view.ttl <= timedelta(0):
            raise FeatureError(
                f"{place}: view {name} has no ttl: say how long a row is valid, as ttl=timedelta(hours=6)"
            )
        if not view.features:
            raise FeatureError(
                f"{place}: view {name} has no features: list them in schema as Field(name=, dtype=)"
            )
        fields = {column.name for column in view.entity_columns}
        if missing := [key for key in declared.keys(name) if key not in fields]:
            raise FeatureError(
                f"{place}: view {name} does not type its key {missing[0]!r}: add its Field to schema"
            )
        source = view.batch_source
        if source is None or source.timestamp_field != EVENT or source.created_timestamp_column != CREATED:
            raise FeatureError(
                f"{place}: view {name} has another source: use lake_source({product!r}, {name!r})"
            )
    for name, service in declared.services.items():
        place = f"{path}:{lines.of(name)}"
        taken: dict[str, str] = {}
        for view_name, features in declared.service_views(name).items():
            if view_name not in declared.views:
                raise FeatureError(
                    f"{place}: service {name} takes view {view_name!r}, which is not declared here"
                )
            for feature in features:
                if feature in taken:
                    raise FeatureError(
                        f"{place}: service {service.name} takes {feature!r} from {taken[feature]} and from {view_name}:"
                        f" rename one, because a feature is identified by its name"
                    )
                taken[feature] = view_name
    return declared


def _import(product: str, path: Path, lake_root: Path) -> ModuleType:
    """Run the module under a unique name; it is not left in `sys.modules`."""
    if not path.is_file():
        raise FeatureError(
            f"{path}: missing: declare the product's entities, feature views and service there"
        )
    name = f"sprintline_features_{product}_{next(_serial)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: S101 - a .py path always has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with lake_at(lake_root):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise FeatureError(f"{path}:{error.lineno}: {error.msg}: fix the line, then run again") from error
    except SystemExit as ended:
        raise FeatureError(f"{path}:1: {ends_the_process(ended)}") from ended
    except (
        Exception
    ) as error:  # a product's own code may raise anything, and must stop nothing but its product
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = own[-1].lineno if own else 1
        raise FeatureError(
            f"{path}:{line}: {type(error).__name__}: {error}: fix the line, then run again"
        ) from error
    finally:
        sys.modules.pop(name, None)
    return module


def _collect(product: str, path: Path, module: ModuleType) -> Declared:
    from feast import Entity, FeatureService, FeatureView

    found: dict[Any, dict[str, Any]] = {Entity: {}, FeatureView: {}, FeatureService: {}}
    values: list[Any] = list(vars(module).values())
    for value in values:
        for kind, names in found.items():
            if not isinstance(value, kind):
                continue
            if value.name in names and names[value.name] is not value:
                line = _Lines(path).of(value.name)
                raise FeatureError(
                    f"{path}:{line}: {kind.__name__} {value.name!r} is declared twice: rename one"
                )
            names[value.name] = value
    return Declared(product, path, found[Entity], found[FeatureView], found[FeatureService])


class _Lines:
    """Finds the line on which a name is declared: the first that contains it in quotes."""

    def __init__(self, path: Path) -> None:
        self._lines = path.read_text(encoding="utf-8").splitlines()

    def of(self, name: str) -> int:
        quoted = (f'"{name}"', f"'{name}'")
        return next((n for n, line in enumerate(self._lines, 1) if any(q in line for q in quoted)), 1)
