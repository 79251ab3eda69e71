"""Pure logic: no Dagster, no files, no sockets."""
