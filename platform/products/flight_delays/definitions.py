"""The code location of flight delays."""

from sprintline.components import product_definitions

defs = product_definitions(__name__)
