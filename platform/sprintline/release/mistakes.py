"""Changes that the live model does not survive."""

from __future__ import annotations

from sprintline.product.held import Held
from sprintline.release.needs import unmet_needs

HELD = (Held(unmet_needs),)
