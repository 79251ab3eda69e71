"""Files that MLflow keeps of a model, and the types that may be loaded from them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


class ModelError(RuntimeError):
    """A model that is unknown, or that must not be kept."""


def content_of(model_id: str, place: str, name: str) -> bytes:
    """A file that MLflow keeps at a place. Raises ModelError when it is not there.

    Not `mlflow.artifacts.download_artifacts`: it copies into a folder that no one removes, and where it cannot (a
    full disk) it says that the path is wrong.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    files = get_artifact_repository(place)
    with tempfile.TemporaryDirectory() as scratch:
        # A local file is read where it lies.
        folder = None if isinstance(files, LocalArtifactRepository) else scratch
        try:
            return Path(files.download_artifacts(name, folder)).read_bytes()
        except (MlflowException, FileNotFoundError) as error:
            raise ModelError(f"the run of model {model_id} has no {name} any more ({error})") from error


def reviewed(pipeline: Any, own: Any) -> list[str]:
    """The types of a pipeline that skops must be given as trusted. Raises ModelError for one that was not reviewed."""
    from sprintline.learning.exporters import asked_types, reviewed_types

    asked = asked_types(pipeline)
    if unknown := sorted(asked - reviewed_types(own)):
        raise ModelError(
            f"the pipeline contains {', '.join(unknown)}, which may not be loaded: review the type and add it to TYPES "
            "of its library's exporter, or leave it out of the recipe"
        )
    return sorted(asked)


def loaded(model_id: str, content: bytes, own: Any) -> Any:
    """A pipeline from the content of its skops file, by our own list of types and that of the recipe's exporter.

    Raises ModelError for a type that is in neither.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    from sprintline.learning.exporters import reviewed_types

    try:
        return skops.io.loads(content, trusted=sorted(reviewed_types(own)))
    except UntrustedTypesFoundException as error:
        raise ModelError(
            f"the file of model {model_id} contains types that are not reviewed and is not loaded: {error}"
        ) from error
