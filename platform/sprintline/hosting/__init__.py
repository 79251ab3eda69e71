"""Hosting: the processes that run the platform: daemon, code servers, warm worker, replay, UI."""
