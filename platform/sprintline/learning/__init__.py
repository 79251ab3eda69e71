"""Learning: recipes, training, metrics, backtests, model bundles and the registry."""
