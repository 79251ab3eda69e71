"""The version of Sprintline, which a clone keeps when its own package has another name and version."""

VERSION = "0.1.0"
