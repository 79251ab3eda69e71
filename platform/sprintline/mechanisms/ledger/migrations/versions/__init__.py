"""One module per schema version, named after it. A version that was published is never edited."""
