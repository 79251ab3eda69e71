"""The lake: Delta tables, one partition per sprint."""
