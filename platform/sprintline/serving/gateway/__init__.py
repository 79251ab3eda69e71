"""The scoring gateway: it answers requests by the live release, from memory, and logs every answer."""
