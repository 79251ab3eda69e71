"""Failpoints of keeping a trained model."""

FAILPOINTS = {
    "train.release_filled": "a release folder is filled beside its place",
    "train.release_renamed": "the release folder is complete; MLflow has no record of it",
    "train.registry_made": "MLflow's database is made beside its final path, which does not exist yet",
    "train.run_logged": "MLflow has run and artefacts; no version is registered",
    "train.registered": "MLflow has the version; the candidate is not measured",
}
"""What is left when the process is killed at each."""
