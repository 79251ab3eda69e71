"""The state folder as a whole: backup, restore, retention, removal, hashes."""
