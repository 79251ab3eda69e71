"""What everything depends on: settings, clock, hashing, files and locks, databases, failpoints."""
