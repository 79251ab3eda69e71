"""A library is added as a file: exporters are found in their package, and what has none is refused."""

import re

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC

from sprintline.learning import exporters, parity
from sprintline.learning.recipes import Inputs, Recipe, RecipeError
from sprintline.learning.trial import Objection, code_tried, must_be_served, objections


def test_every_exporter_names_its_library_and_reviewed_types_in_full():
    found = exporters.exporters()
    # The platform's own step, which the exporter of scikit-learn exports.
    shared = {
        "builtins.object",
        "collections.OrderedDict",
        "numpy.dtype",
        "sprintline.learning.quantiles.PerQuantile",
    }
    assert "sklearn" in found
    for library, one in found.items():
        own = {name for name in one.TYPES if name.startswith(f"{library}.") and name.count(".") >= 2}
        assert own and set(one.TYPES) - own <= shared


def test_an_estimator_of_another_library_is_refused_by_name():
    class Forest:
        __module__ = "woodland.ensemble"

    with pytest.raises(
        RecipeError, match=r"Forest: it is of woodland, which has no exporter; use an estimator of .*sklearn"
    ):
        exporters.export([Forest()], Inputs(("a",), ()))


def test_a_file_beside_the_others_is_an_exporter(tmp_path, monkeypatch):
    (tmp_path / "woodland.py").write_text(
        "LIBRARY = 'woodland'\nTYPES = ('woodland.tree.Leaf',)\n"
        "SUPPORTED = REFUSED = ()\ndef refuse(pipeline):\n    return ()\n"
        "def export(pipeline, inputs):\n    return b'onnx of ' + type(pipeline[-1]).__name__.encode()\n"
    )
    monkeypatch.setattr(exporters, "__path__", [*exporters.__path__, str(tmp_path)])
    exporters.exporters.cache_clear()
    try:
        forest = type("Forest", (), {"__module__": "woodland.ensemble"})()
        assert exporters.export([forest], Inputs(("a",), ())) == b"onnx of Forest"
        assert "woodland.tree.Leaf" in exporters.reviewed_types()
    finally:
        exporters.exporters.cache_clear()


SMALL = Inputs(("age", "income"), ("town",))
BOOSTED = HistGradientBoostingClassifier


def _codes(**named):
    return OrdinalEncoder(**{"handle_unknown": "use_encoded_value", "unknown_value": -1, **named})


def _pipeline(last, *between, numbers="passthrough", texts=None):
    columns = [("numbers", numbers, ["age", "income"]), ("texts", texts or _codes(), ["town"])]
    return Pipeline([("columns", ColumnTransformer(columns)), *between, ("model", last)])


def _recipe(pipeline, twin=None):
    return Recipe(SMALL, lambda _: pipeline, lambda _: twin or _pipeline(BOOSTED()), ("town",), "a small one")


LINE = LogisticRegression()
REFUSED = {
    "native categories": (
        _pipeline(BOOSTED(categorical_features=[2])),
        "model.*categorical_features=.*OrdinalEncoder",
    ),
    "native categories inside": (
        _pipeline(CalibratedClassifierCV(BOOSTED(categorical_features=[2]), method="sigmoid")),
        r"step model\.estimator, HistGradient.*categorical_features",
    ),
    "steps between points": (_pipeline(CalibratedClassifierCV(method="isotonic")), 'use method="sigmoid"'),
    "temperature": (_pipeline(CalibratedClassifierCV(method="temperature")), 'use method="sigmoid"'),
    "weights": (_pipeline(KNeighborsClassifier(weights="distance")), 'use weights="uniform"'),
    "weights by code": (_pipeline(KNeighborsClassifier(weights=np.exp)), 'use weights="uniform"'),
    "splines": (
        _pipeline(LINE, numbers=SplineTransformer()),
        "step columns.numbers, SplineTransformer.*KBinsDisc",
    ),
    "a function": (_pipeline(LINE, numbers=FunctionTransformer(np.log1p)), "func=log1p.*feature's SQL"),
    "powers": (_pipeline(LINE, numbers=PowerTransformer()), "RobustScaler"),
    "quantiles": (_pipeline(LINE, numbers=QuantileTransformer()), "RobustScaler"),
    "strict codes": (
        _pipeline(BOOSTED(), texts=_codes(handle_unknown="error", unknown_value=None)),
        "use_encoded",
    ),
    "strict columns": (_pipeline(LINE, texts=OneHotEncoder()), 'use handle_unknown="ignore"'),
    "no probabilities": (_pipeline(LinearSVC()), "CalibratedClassifierCV"),
    "a vote by hands": (_pipeline(VotingClassifier([("trees", BOOSTED())])), 'use voting="soft"'),
    "scaled behind codes": (_pipeline(BOOSTED(), ("scaled", StandardScaler())), "leave it out"),
    "a target in logarithms": (_pipeline(TransformedTargetRegressor(Ridge())), 'loss="gamma"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_served_exactly_is_refused_with_the_nearest_that_is(name):
    pipeline, text = REFUSED[name]
    assert re.search(text, " | ".join(str(one) for one in exporters.refusals(pipeline)))
    with pytest.raises(RecipeError):
        must_be_served(None, _pipeline(BOOSTED()), pipeline)


@pytest.mark.parametrize(
    "pipeline",
    [
        _pipeline(BOOSTED(categorical_features=None)),
        _pipeline(CalibratedClassifierCV(BOOSTED(), method="sigmoid")),
        _pipeline(KNeighborsClassifier(weights="uniform")),
        _pipeline(LINE, numbers=FunctionTransformer()),
        _pipeline(LINE, ("scaled", StandardScaler())),
        _pipeline(RandomForestClassifier(), ("scaled", StandardScaler())),
        _pipeline(SVC(probability=True)),
    ],
)
def test_the_nearest_right_thing_is_not_refused(pipeline):
    assert exporters.refusals(pipeline) == []


TRIED = {
    "an estimator that cannot take nulls": (_pipeline(LINE), "put a SimpleImputer"),
    "an estimator without an export": (
        _pipeline(GaussianProcessClassifier(), numbers=SimpleImputer()),
        "GaussianProcessClassifier and its steps have no export|answers otherwise",
    ),
    "encodings of classes": (_pipeline(BOOSTED(), texts=TargetEncoder()), "TargetEncoder for binary"),
}


@pytest.mark.parametrize("name", TRIED)
def test_what_no_table_knows_is_tried(name):
    pipeline, text = TRIED[name]
    answer = "four classes" if "classes" in name else None
    found = objections(_recipe(pipeline), answer)
    assert len(found) == 1 and found[0].which == "model" and re.search(text, found[0].text), found


def test_a_trial_compares_as_ml402_does(monkeypatch):
    """An export that is off by a little is refused; without a difference nothing is said, and few trees are grown."""
    recipe = _recipe(_pipeline(RandomForestClassifier(500, random_state=0)))
    assert objections(recipe) == []
    own = parity.onnx_answers
    monkeypatch.setattr(parity, "onnx_answers", lambda *args: own(*args) + 3e-5)
    found = objections(recipe)
    assert [one.which for one in found] == ["model", "twin"]
    assert "by 3.0e-05 on 600 invented rows, 1e-05 is the limit" in found[0].text


def test_a_type_that_nobody_reviewed_is_found_before_training(monkeypatch):
    monkeypatch.setattr(exporters, "reviewed_types", lambda own: frozenset())
    found = objections(_recipe(_pipeline(BOOSTED()), _pipeline(BOOSTED())))
    assert "TreePredictor, which may not be loaded" in found[0].text


def test_an_objection_names_the_line_of_the_parameter_or_of_the_class():
    source = (
        "from a import Trees\n\nOWN = dict(\n    depth=3,\n)\n\n\ndef recipe():\n    return Trees(**OWN)\n"
    )
    assert Objection("model", "", ("depth", "Trees")).line(source) == 4
    assert Objection("model", "", ("width", "Trees")).line(source) == 9
    assert Objection("model", "", ("Forest",)).line(source) == 8
    assert Objection("model", "").line("nothing") == 1


def test_a_trial_is_repeated_when_the_code_of_product_or_platform_changes(tmp_path, monkeypatch):
    (tmp_path / "model.py").write_text("a = 1\n")
    before = code_tried(tmp_path)
    assert code_tried(tmp_path) == before
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "more.py").write_text("b = 2\n")
    assert code_tried(tmp_path) != before
    monkeypatch.setattr(exporters, "code_files", dict)
    (tmp_path / "helpers" / "more.py").unlink()
    assert code_tried(tmp_path) != before
