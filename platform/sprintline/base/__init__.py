"""What everything rests on: settings, clock, hashing, files and locks, databases, failpoints."""
