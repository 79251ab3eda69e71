"""Dagster components: what a team declares in YAML becomes assets, checks, jobs and sensors."""

from sprintline.components.data_product import DataProduct, product_definitions

__all__ = ["DataProduct", "product_definitions"]
