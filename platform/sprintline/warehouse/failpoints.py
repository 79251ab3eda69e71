"""Failpoints of building a sprint with dbt."""

FAILPOINTS = {
    "dbt.before_build": "dbt is about to build a sprint",
    "dbt.between_models": "dbt has finished one model or test of a sprint and not the next",
    "dbt.within_model": "a model's old rows of a sprint are deleted; its new ones are not written",
    "dbt.after_build": "dbt has built a sprint; no measurement and no verdict is recorded",
}
"""What is left when the process is killed at each."""
