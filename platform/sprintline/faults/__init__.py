"""The fault suite: for every rule at least one planted fault, which its materialized check must catch.

A rule that cannot fail is useless. So each rule has at least one `Fault` in `catalogue`: it changes a landed file, a
lake partition, a mart, a feature view, a recipe or the calendar of a small throw-away product. Dagster then
materializes the assets and checks as in any run. The check's evaluation and the recorded verdict count. The same
materialization without the fault must pass.
"""
