"""Scaffolding: products and sources made from templates or from a file, checked, and removed again."""
