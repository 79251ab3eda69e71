"""Release bundles: a folder per model that serving needs and nothing else, named by the model's content.

    <home>/models/releases/<model_id>/
        manifest.json        what it is: columns, files with their SHA-256, snapshot, how training stopped
        model.onnx twin.onnx the champion's form and its readable twin
        naive.json           the baseline's table
        reference.parquet    a sample of training rows with the model's scores, what drift is measured against

A bundle is written beside its place and renamed, so it is whole or absent, and never changed afterwards. Reading one
imports neither MLflow nor scikit-learn, and every file is refused whose content is not the one the manifest names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.base.failpoints import failpoint
from sprintline.learning.recipes import Inputs, Naive
from sprintline.learning.tasks import BINARY, task_named
from sprintline.learning.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

MANIFEST, MODEL, TWIN, NAIVE, REFERENCE = (
    "manifest.json",
    "model.onnx",
    "twin.onnx",
    "naive.json",
    "reference.parquet",
)
SCORE = "score"
"""Column of reference.parquet with the model's prediction."""

_BATCH = 20_000


class ReleaseError(RuntimeError):
    """A bundle that is missing, incomplete or not what it claims to be."""


def digest(content: bytes) -> str:
    """SHA-256 in full, as manifests and the ledger name files."""
    return hashlib.sha256(content).hexdigest()


class Scorer:
    """An ONNX model, loaded only when its content has the expected SHA-256."""

    def __init__(
        self, path: Path, sha256: str, inputs: Inputs, threads: int = 1, task: Task | None = None
    ) -> None:
        """Raises ReleaseError when the file is missing or is another than `sha256` names."""
        import onnxruntime

        # Hashed and loaded from the same bytes: a file swapped in between cannot slip through.
        content = _content(path, sha256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self.inputs, self.sha256, self.task = inputs, sha256, task or task_named(BINARY)
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Predictions, (n) or (n, parts), of any frame that has the model's columns; further columns are ignored."""
        return self.answer(self.inputs.numbers(frame), self.inputs.categories(frame))

    def answer(self, numbers: NDArray[np.float32], categories: NDArray[np.object_]) -> NDArray[np.float64]:
        """The same of inputs as `Inputs` gives them, without pandas."""
        found = [
            self._run(numbers[at : at + _BATCH], categories[at : at + _BATCH])
            for at in range(0, len(numbers), _BATCH)
        ]
        return (
            np.concatenate(found) if found else np.empty((0, len(self.task.parts)) if self.task.parts else 0)
        )

    def _run(self, numbers: NDArray[np.float32], categories: NDArray[np.object_]) -> NDArray[np.float64]:
        feed: dict[str, NDArray[Any]] = {}
        if self.inputs.numeric:
            feed["numeric"] = numbers
        if self.inputs.categorical:
            feed["categorical"] = categories
        return self.task.from_onnx(self._session, feed)


@dataclass(frozen=True)
class Release:
    """An opened bundle. Scorers are loaded when first asked for."""

    folder: Path
    manifest: Mapping[str, Any]
    digest: str
    threads: int = 1

    @classmethod
    def open(cls, folder: Path, expected: str | None = None, threads: int = 1) -> Release:
        """Read a bundle's manifest. Raises ReleaseError when it is missing or its SHA-256 is not `expected`."""
        content = _content(folder / MANIFEST, expected)
        try:
            manifest = json.loads(content)
            held = manifest["model_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ReleaseError(
                f"{folder / MANIFEST} is no manifest of a release: restore the folder from a copy"
            ) from error
        if held != folder.name:
            raise ReleaseError(f"{folder} holds model {held}: restore the folder from a copy")
        return cls(folder, manifest, digest(content), threads)

    @property
    def model_id(self) -> str:
        return str(self.manifest["model_id"])

    @cached_property
    def task(self) -> Task:
        """What kind of answer it gives. Raises LookupError for one that this platform does not have."""
        return task_named(self.manifest.get("task"), self.manifest.get("task_options"))

    @cached_property
    def inputs(self) -> Inputs:
        return Inputs(
            tuple(self.manifest["inputs"]["numeric"]), tuple(self.manifest["inputs"]["categorical"])
        )

    @cached_property
    def model(self) -> Scorer:
        return self._scorer(MODEL)

    @cached_property
    def twin(self) -> Scorer:
        return self._scorer(TWIN)

    @cached_property
    def naive(self) -> Naive:
        return Naive.from_dict(json.loads(_content(self.folder / NAIVE, self._sha256(NAIVE))))

    def reference(self) -> pd.DataFrame:
        """Sample of the training rows: question_id, sprint, label, the model's columns and `score`."""
        import io

        import pandas as pd

        return pd.read_parquet(io.BytesIO(_content(self.folder / REFERENCE, self._sha256(REFERENCE))))

    def verify(self) -> list[str]:
        """What is wrong with the files of the bundle, a sentence each; empty when all are as the manifest says."""
        found: list[str] = []
        files = self.manifest.get("files")
        if not isinstance(files, Mapping):
            return [f"{self.folder / MANIFEST} lists no files: restore the folder from a copy"]
        for name, sha256 in files.items():
            try:
                _content(self.folder / name, sha256)
            except ReleaseError as fault:
                found.append(str(fault))
        return found

    def _scorer(self, name: str) -> Scorer:
        return Scorer(self.folder / name, self._sha256(name), self.inputs, self.threads, self.task)

    def _sha256(self, name: str) -> str:
        return str(self.manifest["files"][name])


def write_release(folder: Path, body: Mapping[str, Any], fill: Callable[[Path], None]) -> Release:
    """Make a bundle as one. `fill` writes the files into the folder it is given; `body` becomes the manifest beside the
    hashes of these files. A bundle that is already there and whole is left as it is; a damaged one is replaced. Whoever
    calls this holds the model's lock.
    """
    if (folder / MANIFEST).exists():
        present = Release.open(folder)
        if not present.verify():
            return present
    folder.parent.mkdir(parents=True, exist_ok=True)
    # What is left of one that was killed while it filled the bundle: one process at a time is here.
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        fill(fresh)
        files = {one.name: digest(one.read_bytes()) for one in sorted(fresh.iterdir())}
        text = json.dumps(
            {**body, "files": files}, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
        )
        (fresh / MANIFEST).write_text(text + "\n", encoding="utf-8")
        for one in fresh.iterdir():
            _flush(one)
        failpoint("train.release_filled")
        fresh.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        try:
            fresh.rename(folder)
        except OSError:
            if not (folder / MANIFEST).exists():  # otherwise somebody else finished the same content first
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    failpoint("train.release_renamed")
    return Release.open(folder)


def _content(path: Path, sha256: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ReleaseError(
            f"{path} is missing: the release is incomplete, make it again or roll back"
        ) from None
    if sha256 is not None and (found := digest(content)) != sha256:
        raise ReleaseError(
            f"{path} has SHA-256 {found[:12]}…, but {sha256[:12]}… was released: it was changed after the "
            f"release and is refused"
        )
    return content


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
