"""Serving: predictions by the champion."""
