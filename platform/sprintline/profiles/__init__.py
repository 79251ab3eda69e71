"""Profiles of sources: statistics of each sprint's rows, held against the product's own history."""
