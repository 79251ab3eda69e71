"""The backlog: items projected from the ledger."""
