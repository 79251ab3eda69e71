"""A library is added as a file: exporters are found in their package, and what has none is refused."""

import pytest

from sprintline.learning import exporters
from sprintline.learning.recipes import Inputs, RecipeError


def test_every_exporter_names_its_library_and_reviewed_types_in_full():
    found = exporters.exporters()
    assert "sklearn" in found
    for library, one in found.items():
        assert one.TYPES and all(
            name.startswith(f"{library}.") and name.count(".") >= 2 for name in one.TYPES
        )


def test_an_estimator_of_another_library_is_refused_by_name():
    class Forest:
        __module__ = "woodland.ensemble"

    with pytest.raises(
        RecipeError, match=r"Forest is of woodland, which has no exporter: use an estimator of .*sklearn"
    ):
        exporters.export([Forest()], Inputs(("a",), ()))


def test_a_file_beside_the_others_is_an_exporter(tmp_path, monkeypatch):
    (tmp_path / "woodland.py").write_text(
        "LIBRARY = 'woodland'\nTYPES = ('woodland.tree.Leaf',)\n"
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
