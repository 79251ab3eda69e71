"""The ledger: an append-only, hash-chained record of events, with verdicts and measurements beside it."""
