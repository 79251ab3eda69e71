"""Delivery: closing a sprint, its increment, status, restatements and pages."""
