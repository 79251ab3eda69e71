"""Make a model again from what was recorded of it, and compare: each piece of evidence is there, or named as missing.

Nothing newer is put in the place of what is missing. Data that were restated since are read at the version the model
saw, as long as the lake still has its files.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sprintline.base.hashing import canonical_json, frame_hash, text_hash
from sprintline.lake.tables import Lake
from sprintline.learning.registry import LOCK_FILE, ModelError, Models, code_hash, lock_hash
from sprintline.product.runtime import Runtime
from sprintline.release.live import live, releases

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.bundles import Release
    from sprintline.learning.training import Trained

#: Libraries whose arithmetic the numbers of a model come from.
ARITHMETIC = ("numpy", "scipy", "scikit-learn", "pandas", "skl2onnx", "onnxruntime")


class Missing(LookupError):
    """A piece of evidence is not there, or is not what was recorded."""


@dataclass(frozen=True)
class Found:
    """One piece of evidence: whether it is there as it was recorded, and a sentence about it."""

    evidence: str
    there: bool
    says: str


@dataclass
class Reproduction:
    """How making a model again went.

    evidence: every piece, in the order it was looked for.
    rows: predictions compared; None when it could not be computed again.
    different: what is not equal bit for bit, a sentence each.
    """

    product: str
    model_id: str
    evidence: list[Found] = field(default_factory=list)
    rows: int | None = None
    different: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.rows is not None and not self.different

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        if missing := [f"{one.evidence}: {one.says}" for one in self.evidence if not one.there]:
            return f"unreproducible: {'; '.join(missing)}"
        if self.different:
            return f"unreproducible: {'; '.join(self.different)}"
        return (
            f"reproduced: {self.rows:,} predictions of the model, of its twin and of its baseline are equal bit for "
            f"bit, and so is its id ({self.seconds:.1f} s)"
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "model": self.model_id,
            "reproduced": self.ok,
            "sentence": self.sentence,
            "evidence": [vars(one) for one in self.evidence],
            "rows": self.rows,
            "different": self.different,
            "seconds": round(self.seconds, 2),
        }


def reproduce(runtime: Runtime, model_id: str) -> Reproduction:
    """Look for every piece of evidence of a model; when all are there, train it again and compare its predictions."""
    begun, answer, held = time.monotonic(), Reproduction(runtime.product, model_id), _Held()
    for name, look in _LOOKS.items():
        try:
            answer.evidence.append(Found(name, True, look(runtime, model_id, held)))
        except Exception as error:  # noqa: BLE001 - whatever a store says of a missing piece is reported as such
            answer.evidence.append(Found(name, False, " ".join(str(error).split())))
            if name in ("release", "keys"):  # the others are read from these
                break
    if all(one.there for one in answer.evidence):
        _compare(runtime, answer, held)
    answer.seconds = time.monotonic() - begun
    return answer


# --- evidence --------------------------------------------------------------------------------------------------------


class _Held:
    """What was found on the way and is needed to train."""

    release: Release
    snapshot: dict[str, Any]
    keys: pd.DataFrame
    frame: pd.DataFrame


def _release(runtime: Runtime, model_id: str, held: _Held) -> str:
    """The bundle, as the ledger names it where it was released."""
    held.release = runtime[Models].release(model_id, _released_as(runtime, model_id))
    if wrong := held.release.verify():
        raise Missing("; ".join(wrong))
    held.snapshot = dict(held.release.manifest["snapshot"])
    if text_hash(canonical_json(held.snapshot))[:16] != model_id:
        raise Missing("its manifest describes another model than its name says")
    return (
        f"manifest {held.release.digest[:12]} and its {len(held.release.manifest['files'])} files are whole"
    )


def _released_as(runtime: Runtime, model_id: str) -> str | None:
    """Digest of a release as its decision has it; None for a candidate that never rose."""
    moves = reversed(releases(runtime).moves)
    return next((one.release_digest for one in moves if one.model_id == model_id), None)


def _keys(runtime: Runtime, model_id: str, held: _Held) -> str:
    held.keys = runtime[Models].keys(model_id)
    if (found := frame_hash(held.keys)) != held.snapshot["keys_hash"]:
        raise Missing(
            f"the stored keys hash to {found[:12]}, the model was made of {held.snapshot['keys_hash'][:12]}"
        )
    return f"{len(held.keys):,} questions with their outcomes, hash {held.snapshot['keys_hash'][:12]}"


def _data(runtime: Runtime, _: str, held: _Held) -> str:
    """The feature rows of every sprint, of the version the model saw. Outcomes stand among the keys."""
    import pandas as pd

    frames, older = [], []
    table = runtime.table("question_features")
    versions = held.snapshot["data_versions"].get(table) or {}
    for sprint in held.snapshot["sprints"]:
        wanted = versions.get(sprint)
        if not wanted:
            raise Missing(f"no version of {table} {sprint} was recorded")
        now = runtime[Lake].data_version(table, sprint, recompute=True)
        if now == wanted:
            frames.append(runtime[Lake].read(table, [sprint]))
            continue
        frames.append(_as_it_was(runtime, table, sprint, wanted, now))
        older.append(sprint)
    held.frame = pd.concat(frames, ignore_index=True)
    restated = f"; restated since and read at an older version: {', '.join(older)}" if older else ""
    return f"{len(held.frame):,} rows of {table}, {len(frames)} sprints{restated}"


def _as_it_was(runtime: Runtime, table: str, sprint: str, wanted: str, now: str | None) -> pd.DataFrame:
    at = runtime[Lake].version_with(table, sprint, wanted)
    stands = f"it now holds {now[:12]}" if now else "it holds none now"
    if at is None:
        raise Missing(
            f"{table} {sprint} was {wanted[:12]}, {stands}, and its log names no version that was: "
            f"restore the lake from a backup"
        )
    return runtime[Lake].read(table, [sprint], version=at)


def _parameters(runtime: Runtime, _: str, held: _Held) -> str:
    here, then = dict(runtime.recipe.recipe().identity()), dict(held.snapshot["params"])
    for named_by_the_product in ("label", "task"):
        then.pop(named_by_the_product, None)
    here = _as_json(here)
    if changed := sorted(name for name in {*here, *then} if here.get(name) != then.get(name)):
        raise Missing(f"the recipe's {', '.join(changed)} are not those it was made with")
    return f"{len(then)} parameters and seed {held.snapshot['seed']}"


def _as_json(value: Any) -> Any:
    import json

    return json.loads(canonical_json(value))


def _code(runtime: Runtime, _: str, held: _Held) -> str:
    here, then = code_hash(runtime.recipe), held.snapshot["code_hash"]
    if here != then:
        raise Missing(
            f"the code that makes it hashes to {here[:12]}, it was made by {then[:12]}: check out the commit of its "
            f"day ({_trained_on(runtime, held)})"
        )
    return f"recipe, training and export hash to {then[:12]}"


def _trained_on(runtime: Runtime, held: _Held) -> str:
    found = runtime.measured("candidate", held.snapshot["judged"])
    return f"recorded {found.at:%Y-%m-%d %H:%M} UTC" if found else f"judged on {held.snapshot['judged']}"


def _lock(_: Runtime, __: str, held: _Held) -> str:
    here, then = lock_hash(), held.snapshot["lock_hash"]
    if here != then:
        raise Missing(
            f"{LOCK_FILE} hashes to {here[:12]}, it was made with {then[:12]}: check out that lock and run `make setup`"
        )
    if wrong := list(_not_as_locked()):
        raise Missing(f"installed is not what is locked: {', '.join(wrong)}; run `make setup`")
    return f"{LOCK_FILE} hashes to {then[:12]}, and what is installed is what it locks"


def _not_as_locked() -> Iterator[str]:
    from sprintline.base.settings import ROOT

    # One name may be locked more than once, for one Python each.
    pairs = re.findall(
        r"^([a-z0-9-]+)(?:\[.*?\])?==([^\s;\\]+)", (ROOT / LOCK_FILE).read_text(), re.MULTILINE
    )
    for name in ARITHMETIC:
        locked = [number for one, number in pairs if one == name]
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "none"
        if here not in locked:
            yield f"{name} {here} instead of {' or '.join(locked) or 'none'}"


_LOOKS: dict[str, Callable[[Runtime, str, _Held], str]] = {
    "release": _release,
    "keys": _keys,
    "data": _data,
    "parameters": _parameters,
    "code": _code,
    "lock": _lock,
}


# --- the same again --------------------------------------------------------------------------------------------------


def _compare(runtime: Runtime, answer: Reproduction, held: _Held) -> None:
    from sprintline.learning.training import snapshot, train, training_set

    manifest, then = held.release.manifest, held.snapshot
    recipe, sprints = runtime.recipe.recipe(), then["sprints"]
    task = held.release.task
    data = training_set(
        held.frame, held.keys, sprints=sprints, judged=then["judged"], recipe=recipe, task=task
    )
    trained = train(
        data,
        recipe=recipe,
        seed=then["seed"],
        budget_seconds=math.inf,
        # What the clock ended is repeated up to the same tree; what converged converges again.
        stop_after=manifest["iterations"] if manifest["stopped"] == "budget" else None,
    )
    again = snapshot(
        trained,
        product=runtime.product,
        data_versions=then["data_versions"],
        code_hash=then["code_hash"],
        lock_hash=then["lock_hash"],
    )
    if again.model_id != answer.model_id:
        parts = [name for name, value in _as_json(again.as_dict()).items() if value != then[name]]
        answer.different.append(f"trained again it is model {again.model_id}: {', '.join(parts)} differ")
    _predictions(runtime, answer, held.release, trained)


def _predictions(runtime: Runtime, answer: Reproduction, release: Release, trained: Trained) -> None:
    """Both exports answer the training rows and the kept sample; equal means equal in every bit."""
    from sprintline.learning.bundles import MODEL, SCORE, TWIN, Scorer, digest
    from sprintline.learning.exporters import export

    rows, reference = trained.rows, release.reference()
    answer.rows = len(rows)
    with tempfile.TemporaryDirectory(prefix="sprintline-again-") as folder:
        for name, pipeline, kept in (
            (MODEL, trained.model, release.model),
            (TWIN, trained.twin, release.twin),
        ):
            file = Path(folder) / name
            file.write_bytes(export(pipeline, trained.recipe.inputs, trained.recipe.exporter))
            scorer = Scorer(file, digest(file.read_bytes()), trained.recipe.inputs)
            found, recorded = scorer.predict(rows), kept.predict(rows)
            if unequal := int((found != recorded).sum()):
                worst = float(np.abs(found - recorded).max())
                answer.different.append(
                    f"{unequal:,} of {len(rows):,} predictions of {name} differ, by up to {worst:.1e}"
                )
            if name == MODEL and not np.array_equal(
                scorer.predict(reference), scorer.task.of(reference, SCORE)
            ):
                answer.different.append("the scores kept beside the release are not met")
    if trained.naive.as_dict() != release.naive.as_dict():
        answer.different.append("the baseline differs")


# --- which model -----------------------------------------------------------------------------------------------------


def _champion(runtime: Runtime) -> str | None:
    now = live(runtime)
    return now.model_id if now else None


ALIASES = {"champion": _champion, "candidate": lambda runtime: releases(runtime).newest}


def find_model(runtime: Runtime, name: str) -> str:
    """Id of a model named by its id, the beginning of it, or an alias: `champion`, `candidate` (the newest trained).

    Raises ModelError when none or more than one is meant.
    """
    if name in ALIASES:
        model_id = ALIASES[name](runtime)
        if model_id is None:
            raise ModelError(f"{runtime.product} has no {name} yet: close more sprints")
        return model_id
    kept = runtime[Models].releases
    known = sorted(one.name for one in kept.iterdir() if one.name[0] != ".") if kept.is_dir() else []
    found = [one for one in known if one.startswith(name)] if name else []
    if len(found) != 1:
        told = f"means {', '.join(found)}" if found else f"is none of {', '.join(known) or 'none yet'}"
        raise ModelError(f"{runtime.product}:{name} {told}; `champion` and `candidate` are names as well")
    return found[0]
