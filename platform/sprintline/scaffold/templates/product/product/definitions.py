"""The code location of __product__."""

from sprintline.components import product_definitions

defs = product_definitions(__name__)
