"""A tie is what the interval cannot decide, at and around the margin."""

import pytest

from sprintline.release.ties import compared


@pytest.mark.parametrize(
    ("low", "high", "margin", "word"),
    [
        (0.01, 0.03, 0.0, "better"),
        (0.0, 0.03, 0.0, "a tie"),
        (0.01, 0.03, 0.01, "a tie"),
        (0.011, 0.03, 0.01, "better"),
        (-0.03, -0.001, 0.0, "worse"),
        (-0.03, 0.0, 0.0, "a tie"),
        (-0.03, -0.01, 0.01, "a tie"),
        (-0.03, 0.03, 0.0, "a tie"),
    ],
)
def test_only_an_interval_beyond_the_margin_decides(low, high, margin, word):
    assert compared({"low": low, "high": high}, margin) == word
