"""The sample itself where the platform's tests are content with its declarations."""

import pytest

from sprintline.base.settings import ROOT, Home
from sprintline.product.runtime import Runtime, load_runtime


@pytest.fixture
def flights(home: Home) -> Runtime:
    """The flights product on an empty state folder."""
    return load_runtime(ROOT / "platform" / "products" / "flight_delays", home)
