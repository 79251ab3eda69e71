"""Models are kept once, served only as released, and say in ONNX what they say in scikit-learn."""

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_files
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

from sprintline.base.hashing import frame_hash
from sprintline.base.settings import ROOT, Home
from sprintline.learning import exporters, registry
from sprintline.learning.alias import Alias
from sprintline.learning.bundles import SCORE, Release, ReleaseError, Scorer, digest, write_release
from sprintline.learning.parity import parity
from sprintline.learning.recipes import Inputs, Recipe, RecipeError
from sprintline.learning.registry import ModelError, Models, code_hash, lock_hash
from sprintline.learning.training import snapshot, train, training_set

INPUTS = Inputs(("pressure", "wind", "hour"), ("carrier", "dest"))
SPRINTS = ["2013-S01", "2013-S02", "2013-S03"]


def _boosting(seed, native=None):
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype="float32")
    head = ColumnTransformer([("numbers", "passthrough", [0, 1, 2]), ("codes", codes, [3, 4])])
    trees = HistGradientBoostingClassifier(
        random_state=seed,
        max_iter=60,
        max_leaf_nodes=15,
        n_iter_no_change=5,
        tol=0.0,
        categorical_features=native,
    )
    return Pipeline([("columns", head), ("trees", trees)])


def _logistic(seed):
    names = OneHotEncoder(handle_unknown="ignore")
    head = ColumnTransformer([("hour", SimpleImputer(strategy="median"), [2]), ("names", names, [3, 4])])
    return Pipeline([("columns", head), ("line", LogisticRegression(random_state=seed, max_iter=500))])


RECIPE = Recipe(INPUTS, _boosting, _logistic, ("carrier", "hour"), "a small one", threads=1)


def _flights(rows=800, seed=0):
    random = np.random.default_rng(seed)
    count = rows * 4
    frame = pd.DataFrame(
        {
            "question_id": [f"q{n:05d}" for n in range(count)],
            "sprint": np.repeat([*SPRINTS, "2013-S04"], rows),
            "pressure": random.normal(1013, 7, count),
            "wind": random.normal(size=count),
            "hour": random.integers(5, 23, count),
            "carrier": random.choice(["UA", "B6", "EV", "DL"], count),
            "dest": random.choice([*(f"D{n:02d}" for n in range(40)), None], count),
        }
    )
    frame.loc[random.random(count) < 0.1, "wind"] = None
    hubs = frame["dest"].isin([f"D{n:02d}" for n in range(0, 40, 3)])
    score = (
        frame["wind"].fillna(0)
        + (frame["pressure"] - 1013) / 7
        + 1.5 * hubs
        + (frame["carrier"] == "EV")
        - 1.5
    )
    labels = frame[["question_id", "sprint"]].assign(
        label=(random.random(count) < 1 / (1 + np.exp(-score))).astype(int)
    )
    return frame, labels


def _fit(recipe=RECIPE, seed=7):
    data = training_set(*_flights(), sprints=SPRINTS, judged="2013-S04", recipe=recipe)
    return train(data, recipe=recipe, seed=seed, budget_seconds=60)


def _taken(trained):
    versions = {"flights/question_features": dict.fromkeys(SPRINTS, "v1")}
    return snapshot(
        trained, product="flights", data_versions=versions, code_hash=code_hash(), lock_hash=lock_hash()
    )


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Trees this small only wait for each other when other tests run beside them."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def frame():
    return _flights()[0]


@pytest.fixture(scope="module")
def trained():
    return _fit()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return Models(Home(tmp_path_factory.mktemp("home")), "flights")


@pytest.fixture
def other(models, saved, tmp_path):
    """Models of another home. MLflow's tables are copied, for making them takes seconds; what is in them is not."""
    fresh = Models(Home(tmp_path), "flights")
    fresh.root.mkdir(parents=True)
    with (
        closing(sqlite3.connect(models.root / "mlflow.db")) as full,
        closing(sqlite3.connect(fresh.root / "mlflow.db")) as empty,
    ):
        full.backup(empty)
        empty.execute("pragma foreign_keys = off")
        for (table,) in empty.execute("select name from sqlite_master where type = 'table'").fetchall():
            if table not in ("alembic_version", "workspaces") and not table.startswith("sqlite_"):
                empty.execute(f'delete from "{table}"')
        empty.commit()
    return fresh


@pytest.fixture(scope="module")
def saved(models, trained):
    return models.save(
        trained, _taken(trained), {"roc_auc": 0.7, "brier": None}, {"trigger": {"kind": "bootstrap"}}
    )


def test_onnx_says_what_scikit_learn_says_also_of_nulls_and_the_unseen(models, trained, saved, frame):
    found = models.parity(trained, models.release(saved.model_id), frame)
    for one in found.values():
        assert one["difference"] < 1e-6 and one["edge_difference"] < 1e-6
        assert one["rows"] == len(frame) and one["edge_rows"] > 400


def test_where_the_alias_points_is_read_from_the_database(models, saved):
    models.set_alias(saved.model_id, "champion")
    client, own = models._client, int(saved.version)
    assert models.read_alias("champion", saved.model_id) == Alias(own, saved.model_id, own)
    assert models.read_alias("champion", saved.model_id).right
    assert not models.read_alias("champion", None).right, "nothing has to be pointed to"
    unknown = models.read_alias("champion", "0123456789abcdef")
    assert (unknown.version, unknown.due, unknown.right) == (own, None, False)

    # Registered by hand, once more and under the same model: the alias has to point to the one that was saved here.
    tags = {"model_id": saved.model_id}
    other = client.create_model_version("flights", str(saved.folder), saved.run_id, tags=tags)
    client.set_registered_model_alias("flights", "champion", other.version)
    moved = models.read_alias("champion", saved.model_id)
    assert (moved.version, moved.model_id, moved.due, moved.right) == (own + 1, saved.model_id, own, False)
    models.set_alias(saved.model_id, "champion")
    assert models.read_alias("champion", saved.model_id).right

    client.delete_registered_model_alias("flights", "champion")
    removed = models.read_alias("champion", saved.model_id)
    assert (removed.version, removed.due, removed.right, str(removed)) == (None, own, False, "no version")
    assert models.read_alias("champion", None).right
    client.delete_model_version("flights", other.version)


def test_a_database_that_cannot_be_read_like_this_is_asked_through_mlflow(
    models, saved, monkeypatch, tmp_path
):
    models.set_alias(saved.model_id, "champion")
    read = models.read_alias("champion", saved.model_id)
    monkeypatch.setattr(registry, "read_alias", lambda *_: None)
    assert models.read_alias("champion", saved.model_id) == read
    assert Models(Home(tmp_path), "flights").read_alias("champion", saved.model_id) is None, (
        "nothing was ever saved"
    )
    models.forget_champion()
    assert models.read_alias("champion", saved.model_id) == Alias(None, None, read.due)
    monkeypatch.undo()
    (tmp_path / "models").mkdir()
    with closing(sqlite3.connect(tmp_path / "models" / "mlflow.db")) as other:
        other.execute("create table something (else_ int)")
    url = f"sqlite:///{tmp_path / 'models' / 'mlflow.db'}"
    assert registry.read_alias(url, "flights", "champion", saved.model_id) is None


@pytest.mark.fault
def test_native_categories_are_exported_wrongly_and_parity_sees_it(frame, tmp_path):
    native = _boosting(1, native=[4])
    rows, labels = _flights()
    native.fit(INPUTS.prepare(rows), labels["label"])
    scorer = _scorer(tmp_path, exporters.export(native, INPUTS))
    found = parity(native, scorer, frame)
    assert max(found["difference"], found["edge_difference"]) > 1e-3


def _scorer(folder, content):
    path = folder / "model.onnx"
    path.write_bytes(content)
    return Scorer(path, digest(content), INPUTS)


@pytest.mark.fault
def test_a_recipe_that_cannot_answer_nulls_is_told_before_it_serves(frame, tmp_path):
    strict = Pipeline(
        [("hour", ColumnTransformer([("hour", "passthrough", [2])])), ("line", LogisticRegression())]
    )
    strict.fit(INPUTS.prepare(frame), np.arange(len(frame)) % 2)
    with pytest.raises(RecipeError, match="cannot answer rows with nulls or unseen categories"):
        parity(strict, _scorer(tmp_path, exporters.export(strict, INPUTS)), frame)


@pytest.mark.fault
def test_types_are_trusted_by_our_list_and_not_by_the_one_beside_the_model(models, trained, saved, frame):
    """Whoever changes the file can change the list beside it: MLflow's own loader would build what it names."""
    chances = models.load(saved.model_id).predict_proba(INPUTS.prepare(frame))
    assert np.array_equal(chances, trained.model.predict_proba(INPUTS.prepare(frame)))
    version = models._known(saved.model_id)
    place = models._client.get_logged_model(version.source.removeprefix("models:/")).artifact_location
    folder = Path(place.removeprefix("file://"))
    model, listed = folder / "model.skops", folder / "MLmodel"
    content, text = model.read_bytes(), listed.read_text()
    planted = Pipeline([("files", FunctionTransformer(load_files)), ("trees", trained.model[-1])])
    try:
        skops.io.dump(planted, model)
        (asked,) = set(skops.io.get_untrusted_types(file=model)) - exporters.reviewed_types()
        assert asked == "sklearn.datasets._base.load_files", "a prefix would have let it pass"
        flavor = yaml.safe_load(text)
        flavor["flavors"]["sklearn"]["skops_trusted_types"] = [asked, *exporters.reviewed_types()]
        listed.write_text(yaml.safe_dump(flavor))
        with registry._tracking(models.uri):
            loaded = mlflow.sklearn.load_model(f"models:/flights/{version.version}")
        assert loaded[0].func is load_files, "MLflow trusts the list of the file"
        with pytest.raises(ModelError, match=r"types that are not reviewed .*load_files"):
            models.load(saved.model_id)
    finally:
        model.write_bytes(content)
        listed.write_text(text)


def test_parity_on_nothing_is_no_proof(trained, saved, models, frame):
    with pytest.raises(ValueError, match="no row"):
        parity(trained.model, models.release(saved.model_id).model, frame.head(0))


def test_the_same_model_is_saved_once(models, trained, saved):
    again = models.save(_fit(), _taken(trained), {"roc_auc": 0.7})
    assert saved.created and not again.created
    assert (again.version, again.run_id, again.release_digest) == (
        saved.version,
        saved.run_id,
        saved.release_digest,
    )
    assert len(models._client.search_model_versions("name = 'flights'")) == 1


def test_four_at_once_save_one_model(trained, other):
    def save(_):
        return Models(other.home, "flights").save(trained, _taken(trained), {})

    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(save, range(4)))
    assert len({(one.version, one.run_id, one.release_digest) for one in records}) == 1
    assert sum(one.created for one in records) == 1


def test_a_save_that_died_before_registering_is_completed(trained, other, monkeypatch):
    models = other
    monkeypatch.setattr(Models, "_register", _dies)
    with pytest.raises(KeyboardInterrupt):
        models.save(trained, _taken(trained), {})
    monkeypatch.undo()
    # What a killed process leaves: a bundle, and a run that no one finished.
    experiment = models.init()
    models._client.create_run(experiment, tags={"model_id": _taken(trained).model_id})
    record = models.save(trained, _taken(trained), {})
    runs = models._client.search_runs([experiment])
    assert record.created and [run.info.run_id for run in runs] == [record.run_id]


def _dies(*_):
    raise KeyboardInterrupt


def test_the_bundle_is_the_same_bytes_when_made_again(trained, models, saved, tmp_path):
    other = Models(Home(tmp_path), "flights")
    assert other._bundle(trained, _taken(trained)).digest == saved.release_digest


def test_everything_stays_under_the_home(models, saved):
    experiment = models._client.get_experiment_by_name("flights")
    assert experiment.artifact_location == (models.root / "artifacts" / "flights").resolve().as_uri()
    assert not (ROOT / "mlruns").exists()


def test_a_release_serves_the_three_of_them(models, trained, saved, frame):
    release = models.release(saved.model_id, saved.release_digest)
    assert release.model.predict(frame) == pytest.approx(trained.predict(frame), abs=1e-6)
    assert release.twin.predict(frame) == pytest.approx(trained.predict(frame, "twin"), abs=1e-6)
    assert (release.naive.predict(frame) == trained.predict(frame, "naive")).all()
    assert release.model.predict(frame.head(0)).shape == (0,)
    shuffled = frame[["dest", "hour", "wind", "carrier", "question_id", "pressure"]]
    assert (release.model.predict(shuffled) == release.model.predict(frame)).all()
    with pytest.raises(RecipeError, match="does not have wind"):
        release.model.predict(frame.drop(columns="wind"))


def test_the_reference_is_training_rows_with_their_scores(models, trained, saved):
    reference = models.release(saved.model_id).reference()
    assert len(reference) == len(trained.keys) and set(reference["sprint"]) == set(SPRINTS)
    assert reference[SCORE].to_numpy() == pytest.approx(trained.predict(reference), abs=1e-6)


def test_serving_imports_neither_mlflow_nor_scikit_learn(models, saved, frame, tmp_path):
    frame.head(20).to_parquet(tmp_path / "rows.parquet")
    program = (
        "import sys, pandas as pd\n"
        "from pathlib import Path\n"
        "from sprintline.base.settings import Home\n"
        "from sprintline.learning.registry import Models\n"
        f"release = Models(Home(Path({str(models.home.root)!r})), 'flights').release({saved.model_id!r})\n"
        f"rows = pd.read_parquet({str(tmp_path / 'rows.parquet')!r})\n"
        "assert len(release.model.predict(rows)) == len(release.twin.predict(rows)) == 20\n"
        "bad = {'mlflow', 'sklearn', 'skl2onnx', 'skops'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "platform"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.fault
@pytest.mark.parametrize("name", ["model.onnx", "twin.onnx", "naive.json", "reference.parquet"])
def test_a_tampered_file_is_refused(trained, tmp_path, name):
    models = Models(Home(tmp_path), "flights")
    release = models._bundle(trained, _taken(trained))
    path = release.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    opened = models.release(release.model_id)
    use = {
        "model.onnx": lambda: opened.model,
        "twin.onnx": lambda: opened.twin,
        "naive.json": lambda: opened.naive,
        "reference.parquet": opened.reference,
    }[name]
    with pytest.raises(ReleaseError, match="was changed after the release"):
        use()
    assert len(opened.verify()) == 1 and name in opened.verify()[0]
    assert models._bundle(trained, _taken(trained)).verify() == []  # making it again fixes it


@pytest.mark.fault
def test_another_manifest_or_a_missing_release_is_refused(models, saved):
    with pytest.raises(ReleaseError, match="was changed after the release"):
        models.release(saved.model_id, "0" * 64)
    with pytest.raises(ReleaseError, match="missing"):
        models.release("0123456789abcdef")


@pytest.mark.fault
def test_a_bundle_that_fails_while_written_leaves_nothing(tmp_path):
    def fill(folder):
        (folder / "model.onnx").write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_release(tmp_path / "releases" / "m1", {"model_id": "m1"}, fill)
    assert list((tmp_path / "releases").iterdir()) == []


@pytest.mark.fault
def test_a_bundle_under_another_name_is_refused(tmp_path):
    folder = tmp_path / "m1"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"model_id": "m2", "files": {}}))
    with pytest.raises(ReleaseError, match="holds model m2"):
        Release.open(folder)


def test_the_registry_gives_back_object_keys_and_evidence(models, trained, saved, frame):
    again = models.load(saved.model_id)
    assert (again.predict_proba(INPUTS.prepare(frame))[:, 1] == trained.predict(frame)).all()
    assert frame_hash(models.keys(saved.model_id)) == _taken(trained).keys_hash
    evidence = models.evidence(saved.model_id)
    assert evidence["trigger"] == {"kind": "bootstrap"} and evidence["snapshot"]["lock_hash"] == lock_hash()


def test_the_alias_follows(models, saved):
    assert models.alias("champion") is None
    models.set_alias(saved.model_id, "champion")
    models.set_alias(saved.model_id, "champion")
    assert models.alias("champion") == saved.model_id
    with pytest.raises(ModelError, match="knows no model"):
        models.set_alias("0123456789abcdef", "champion")


@pytest.mark.fault
def test_types_nobody_reviewed_are_not_kept(other):
    def neighbours(seed):
        head = ColumnTransformer([("numbers", "passthrough", [2])])
        return Pipeline([("columns", head), ("near", KNeighborsClassifier(5, algorithm="kd_tree"))])

    odd = _fit(Recipe(INPUTS, neighbours, _logistic, ("carrier",), "neighbours", threads=1))
    with pytest.raises(ModelError, match="which may not be loaded"):
        other.save(odd, _taken(odd), {})


@pytest.mark.fault
def test_without_a_lock_nothing_is_reproducible(tmp_path):
    with pytest.raises(ModelError, match="make lock"):
        lock_hash(tmp_path)
