"""The fault suite: for every rule a fault planted where it would happen, which its materialized check must catch.

A verdict that cannot fail says nothing. So each rule has at least one `Fault` in `catalogue`: it changes a landed file,
a lake partition, a mart, a feature view, a recipe or the calendar of a small throw-away product, its assets and checks
are then materialized by Dagster as in any run, and what counts is the check's evaluation and the verdict on record.
The same materialization without the fault must pass.
"""
