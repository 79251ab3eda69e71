"""Models at rest: MLflow's registry for people, content-addressed release bundles for serving.

What serves is a bundle (`learning/bundles.py`) named in the ledger; MLflow keeps runs, scikit-learn objects, snapshots
and the alias `champion` as a mirror of the ledger. Losing the registry would lose a view, not the truth.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sprintline.base.failpoints import failpoint
from sprintline.base.hashing import bytes_hash, text_hash
from sprintline.base.locks import file_lock
from sprintline.base.settings import ROOT, Home
from sprintline.learning.alias import Alias, read_alias
from sprintline.learning.artifacts import ModelError, content_of, loaded, reviewed
from sprintline.learning.facts import Parities
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from sprintline.learning.bundles import Release
    from sprintline.learning.training import Snapshot, Trained

REFERENCE_ROWS = 20_000
LOCK_FILE = "requirements.lock"
SKOPS_FILE = "model.skops"
"""What MLflow calls the file of a scikit-learn model."""
CHAMPION = "champion"
"""MLflow's alias of the model that is live."""


@dataclass(frozen=True)
class ModelRecord:
    """Where a saved model is found. release_digest: SHA-256 of the bundle's manifest, what the ledger names."""

    model_id: str
    version: str
    run_id: str
    folder: Path
    release_digest: str
    created: bool


class Models:
    """Models of one product. Creating the object touches no disk."""

    @classmethod
    def of(cls, runtime: Runtime) -> Models:
        """The one of a product."""
        return cls(runtime.home, runtime.product)

    def __init__(self, home: Home, product: str) -> None:
        self.home, self.product = home, product
        self.root = home.models
        self.uri = home.mlflow_url
        self.releases = self.root / "releases"

    def init(self) -> str:
        """Create MLflow's database and the product's experiment unless they are there; returns the experiment's id.

        One process at a time: MLflow's own migration fails when two meet ("duplicate column name").
        """
        with self._lock("init"):
            found = self._client.get_experiment_by_name(self.product)
            if found:
                return str(found.experiment_id)
            # Absolute, or artefacts would land in ./mlruns of whoever happens to run.
            place = (self.root / "artifacts" / self.product).resolve()
            return str(self._client.create_experiment(self.product, artifact_location=place.as_uri()))

    def save(
        self,
        trained: Trained,
        snapshot: Snapshot,
        metrics: Mapping[str, float | None],
        evidence: Mapping[str, Any] | None = None,
    ) -> ModelRecord:
        """Keep a model: bundle first, then run and registered version. The same model again gives the first record.

        metrics: flat name -> number, None is left out. evidence: plain values, kept as evidence.json.
        Raises ModelError when a pipeline holds a type no one reviewed.
        """
        model_id = snapshot.model_id
        experiment = self.init()
        with self._lock(f"{self.product}.{model_id}"):
            release = self._bundle(trained, snapshot)
            if known := self._version(model_id):
                return self._record(release, known, created=False)
            self._forget_unfinished(experiment, model_id)
            return self._register(experiment, trained, snapshot, release, metrics, evidence or {})

    def release(self, model_id: str, expected: str | None = None) -> Release:
        """Open a bundle. Raises ReleaseError when it is missing or not the `expected` digest."""
        from sprintline.learning.bundles import Release

        return Release.open(self.releases / model_id, expected)

    def parity(self, trained: Trained, release: Release, frame: pd.DataFrame) -> Parities:
        """Comparison of scikit-learn with the released ONNX, the evidence of ML402."""
        from sprintline.learning.parity import parity

        spread = float(trained.keys["label"].astype(float).std())
        return {
            "model": parity(trained.model, release.model, frame, spread),
            "twin": parity(trained.twin, release.twin, frame, spread),
        }

    def load(self, model_id: str, own: Any = None) -> Any:
        """The scikit-learn pipeline back from the registry, for people and explanations; serving does without.

        Loaded with our own list of types: MLflow's loader trusts the list that lies beside the model, which whoever
        changes the one can change as well. own: the recipe's exporter. Raises ModelError for a type that is in neither.
        """
        version = self._known(model_id)
        with _tracking(self.uri):
            place = self._client.get_logged_model(version.source.removeprefix("models:/")).artifact_location
        return loaded(model_id, content_of(model_id, place, SKOPS_FILE), own)

    def keys(self, model_id: str) -> pd.DataFrame:
        """Keys and labels the model was trained on: question_id, sprint, label. Raises ModelError when unknown."""
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self._artifact(model_id, "snapshot.parquet")))

    def evidence(self, model_id: str) -> dict[str, Any]:
        """What `save` was given as evidence, and the snapshot. Raises ModelError when unknown."""
        return dict(json.loads(self._artifact(model_id, "evidence.json")))

    def set_alias(self, model_id: str, alias: str) -> None:
        """Let an alias (`champion`, `challenger`) point to a model. A mirror: the ledger decides."""
        version = self._version(model_id)
        if version is None:
            raise ModelError(f"the registry of {self.product} knows no model {model_id}: save it first")
        self._client.set_registered_model_alias(self.product, alias, version.version)

    def read_alias(self, alias: str, model_id: str | None) -> Alias | None:
        """Where an alias points and has to point; None when MLflow's database is not there."""
        found = read_alias(self.uri, self.product, alias, model_id)
        if found is not None or not self._is_there():
            return found
        from mlflow.exceptions import MlflowException

        due = self._version(model_id) if model_id else None
        try:
            at = self._client.get_model_version_by_alias(self.product, alias)
        except MlflowException:
            return Alias(None, None, int(due.version) if due else None)
        return Alias(int(at.version), at.tags.get("model_id"), int(due.version) if due else None)

    def _is_there(self) -> bool:
        """Whether MLflow's database was made; one on a server is asked, not looked for."""
        return not self.uri.startswith("sqlite") or (self.root / "mlflow.db").is_file()

    def alias(self, alias: str) -> str | None:
        """The model an alias points to."""
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_model_version_by_alias(self.product, alias).tags.get("model_id")
        except MlflowException:
            return None

    def forget_champion(self) -> None:
        """Let the alias `champion` point to no model any more; the models stay. Safe to repeat."""
        if self.alias(CHAMPION) is not None:
            self._client.delete_registered_model_alias(self.product, CHAMPION)

    # --- bundle -----------------------------------------------------------------------------------------------------

    def _bundle(self, trained: Trained, snapshot: Snapshot) -> Release:
        from sprintline.learning.bundles import MODEL, NAIVE, REFERENCE, SCORE, TWIN, Scorer, write_release
        from sprintline.learning.exporters import export
        from sprintline.learning.training import KEYS

        inputs = trained.recipe.inputs
        body = {
            "format": 1,
            "model_id": snapshot.model_id,
            "product": self.product,
            "task": trained.task.name,
            **({"task_options": options} if (options := trained.task.given_options) else {}),
            "errors": trained.errors,
            "inputs": inputs.as_dict(),
            "snapshot": snapshot.as_dict(),
            "stopped": trained.stopped,
            "twin_stopped": trained.twin_stopped,
            "iterations": trained.iterations,
            "description": trained.recipe.description,
        }

        def fill(folder: Path) -> None:
            (folder / MODEL).write_bytes(export(trained.model, inputs, trained.recipe.exporter))
            (folder / TWIN).write_bytes(export(trained.twin, inputs, trained.recipe.exporter))
            (folder / NAIVE).write_text(
                json.dumps(trained.naive.as_dict(), ensure_ascii=False) + "\n", encoding="utf-8"
            )
            sample = trained.keys.join(trained.rows.drop(columns=list(KEYS), errors="ignore"))
            if len(sample) > REFERENCE_ROWS:
                sample = sample.sample(REFERENCE_ROWS, random_state=trained.seed).sort_index()
            scorer = Scorer(folder / MODEL, _sha256(folder / MODEL), inputs, task=trained.task)
            sample = sample.assign(**trained.task.named(SCORE, scorer.predict(sample)))
            sample.to_parquet(folder / REFERENCE, index=False)

        # Plain JSON values only, so that tuples of today and lists read back tomorrow are one manifest.
        return write_release(self.releases / snapshot.model_id, json.loads(json.dumps(body)), fill)

    # --- registry ---------------------------------------------------------------------------------------------------

    @cached_property
    def _client(self) -> MlflowClient:
        _quiet()
        from mlflow import MlflowClient

        self.root.mkdir(parents=True, exist_ok=True)
        if self.uri.startswith("sqlite"):
            self._make_database()
        else:
            from sprintline.base.databases import ready

            ready(self.uri)
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _make_database(self) -> None:
        """Make MLflow's database beside its place, then move it in.

        Its migrations are not transactional: one that was killed among them leaves a database that no later one fixes.
        """
        from mlflow import MlflowClient

        place = self.root / "mlflow.db"
        fresh = place.with_name(f".{place.name}.part")
        with self._lock("database"):
            if place.exists():
                return
            fresh.unlink(missing_ok=True)
            uri = f"sqlite:///{fresh}"
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
            failpoint("train.registry_made")
            fresh.replace(place)

    def _version(self, model_id: str) -> Any | None:
        found = self._client.search_model_versions(f"name = '{self.product}' and tag.model_id = '{model_id}'")
        # The first is the one that was saved here: a later version of the same model was registered by hand.
        return min(found, key=lambda one: int(one.version), default=None)

    def _record(self, release: Release, version: Any, created: bool) -> ModelRecord:
        return ModelRecord(
            release.model_id,
            str(version.version),
            str(version.run_id),
            release.folder,
            release.digest,
            created,
        )

    def _forget_unfinished(self, experiment: str, model_id: str) -> None:
        """A run whose process was killed before its version was registered leaves no half model to be found."""
        for run in self._client.search_runs([experiment], f"tags.model_id = '{model_id}'"):
            self._client.delete_run(run.info.run_id)

    def _register(
        self,
        experiment: str,
        trained: Trained,
        snapshot: Snapshot,
        release: Release,
        metrics: Mapping[str, float | None],
        evidence: Mapping[str, Any],
    ) -> ModelRecord:
        import mlflow
        from mlflow.exceptions import MlflowException
        from mlflow.models import infer_signature

        client, model_id = self._client, release.model_id
        trusted = reviewed(trained.model, trained.recipe.exporter)
        tags = {
            "model_id": model_id,
            "release_digest": release.digest,
            "judged": trained.judged,
            "stopped": trained.stopped,
            "code_hash": snapshot.code_hash,
            "lock_hash": snapshot.lock_hash,
        }
        params = {
            "seed": trained.seed,
            "iterations": trained.iterations,
            "rows": len(trained.keys),
            "sprints": f"{trained.sprints[0]}..{trained.sprints[-1]}",
            "recipe": json.dumps(trained.params)[:6000],
        }
        head = trained.rows.head(5)
        with (
            _tracking(self.uri),
            mlflow.start_run(
                experiment_id=experiment, run_name=f"{trained.judged} {model_id[:8]}", tags=tags
            ) as run,
        ):
            mlflow.log_params(params)
            mlflow.log_metrics({name: float(value) for name, value in metrics.items() if value is not None})
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                trained.keys.to_parquet(place / "snapshot.parquet", index=False)
                text = json.dumps(
                    {
                        **evidence,
                        "snapshot": snapshot.as_dict(),
                        "importance": trained.importance,
                        "validation": trained.validation,
                    },
                    default=str,
                    indent=2,
                )
                (place / "evidence.json").write_text(text)
                mlflow.log_artifacts(folder)
            # Requirements given: inferring them starts a process of its own and costs seconds.
            info = mlflow.sklearn.log_model(
                trained.model,
                name="model",
                serialization_format="skops",
                skops_trusted_types=trusted,
                pip_requirements=[f"scikit-learn=={_version_of('scikit-learn')}"],
                signature=infer_signature(head, trained.task.predicted(trained.model, head)),
            )
            try:
                client.create_registered_model(self.product)
            except MlflowException as fault:
                if fault.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            failpoint("train.run_logged")
            version = client.create_model_version(self.product, info.model_uri, run.info.run_id, tags=tags)
        failpoint("train.registered")
        return self._record(release, version, created=True)

    def _artifact(self, model_id: str, name: str) -> bytes:
        """A file of the run that made a model. Raises ModelError when model or file are not there."""
        run = self._client.get_run(self._known(model_id).run_id)
        return content_of(model_id, run.info.artifact_uri, name)

    def _known(self, model_id: str) -> Any:
        version = self._version(model_id)
        if version is None:
            raise ModelError(f"the registry of {self.product} knows no model {model_id}")
        return version

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with file_lock(self.root / "locks" / name):
            yield


def code_hash(*modules: ModuleType) -> str:
    """Hash of the code that makes a model: the product's module(s), and training and export of the platform."""
    import sprintline.learning.boosters
    import sprintline.learning.growth
    import sprintline.learning.recipes
    import sprintline.learning.training
    from sprintline.learning import exporters, tasks

    ours = (
        sprintline.learning.recipes,
        sprintline.learning.training,
        sprintline.learning.growth,
        sprintline.learning.boosters,
    )
    # A product's own exporter is a module that its recipe's module imports.
    own = [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, ModuleType) and hasattr(one, "LIBRARY") and hasattr(one, "export")
    ]
    files = {module.__name__: Path(str(module.__file__)) for module in (*modules, *own, *ours)}
    found = {
        name: bytes_hash(file.read_bytes())
        for name, file in {**files, **exporters.code_files(), **tasks.code_files()}.items()
    }
    return text_hash(json.dumps(found, sort_keys=True))


def lock_hash(root: Path = ROOT) -> str:
    """Hash of the locked library versions. Raises ModelError when the lock is missing: nothing could be reproduced."""
    try:
        return bytes_hash((root / LOCK_FILE).read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{root / LOCK_FILE} is missing: without it a model cannot be reproduced; run `make lock`"
        ) from None


def _sha256(path: Path) -> str:
    from sprintline.learning.bundles import digest

    return digest(path.read_bytes())


def _version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _quiet() -> None:
    # Set before the first import of mlflow; DO_NOT_TRACK=1 does not stop its telemetry.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


@contextmanager
def _tracking(uri: str) -> Iterator[None]:
    """MLflow's fluent calls speak to our database inside, and to whatever they spoke before afterwards."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
