"""The table of processes: their order at a start, and what is refused before anything starts."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from sprintline.base.settings import Home
from sprintline.mechanisms.process_table import (
    Group,
    Process,
    ProcessError,
    Start,
    answers,
    free_port,
    listens,
    planned,
)


def process(name, *after, **more):
    return Process(name, lambda start: ["true"], after=after, **more)


@pytest.fixture
def start(tmp_path):
    return Start(Home(tmp_path), "ui", tmp_path, tmp_path)


def names(table, start):
    return [one.name for one in planned(table, start)]


def test_each_comes_behind_what_it_waits_for_and_else_in_the_order_of_the_table(start):
    table = (process("a", "c"), process("b"), process("c", "servers"), Group("servers", members))
    assert names(table, start) == ["b", "servers/1", "servers/2", "c", "a"]


def members(_start):
    return [process("servers/1"), process("servers/2")]


def test_one_that_does_not_run_here_is_not_waited_for(start):
    table = (process("a", "b", "empty"), process("b", where=("replay",)), Group("empty", lambda _: []))
    assert names(table, start) == ["a"]
    assert names(table, replace(start, where="replay")) == ["b", "a"]


def test_on_request_and_wanted_decide_together(start):
    table = (
        process("a", on_request=True),
        process("b", wanted=lambda start: start.home.root.name == "nowhere"),
        process("c", on_request=True, wanted=lambda start: False),
    )
    assert names(table, start) == []
    assert names(table, replace(start, asked=frozenset({"a", "c"}))) == ["a"]


@pytest.mark.parametrize(
    ("table", "asked", "told"),
    [
        ((process("a"), process("a")), (), "two entries of PROCESSES are called a"),
        ((process("a", "b"),), (), "process a waits for b .after., which no processes.py lists"),
        ((process("a", "b"), process("b", "a")), (), "wait for each other .after.: a, b"),
        ((process("a", "a"),), (), "wait for each other .after.: a"),
        ((process("a"), process("b", on_request=True)), ("a",), "--with a: .* choose from b"),
        (
            (process("a", on_request=True, where=("replay",)),),
            ("a",),
            "no process is started on request here",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(start, table, asked, told):
    with pytest.raises(ProcessError, match=told):
        planned(table, replace(start, asked=frozenset(asked)))


def test_ports_and_sockets_are_on_loopback_and_health_is_not_assumed(tmp_path):
    port = free_port(0)
    assert not listens(port) and not answers(port) and not listens(tmp_path / "s")
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert listens(port) and not answers(port), "whoever accepts and says nothing is not healthy"
        with pytest.raises(OSError, match="in use"):
            free_port(port)
