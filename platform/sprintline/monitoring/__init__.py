"""Monitoring: scores of issued predictions, drift and concept drift."""
