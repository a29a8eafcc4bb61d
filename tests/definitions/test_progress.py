"""Showing how an execution goes on: events, log lines, a live display on a terminal."""

import builtins
import io
import logging
import sys

import pytest

from resourcekit import DefinitionError, RetryPolicy, StepEvent, asset, job, materialize, op
from resourcekit.definitions import log_steps


@asset
def orders() -> int:
    return 1


@asset(retry_policy=RetryPolicy(max_retries=1))
def fails(orders: int):
    raise ValueError("no")


@asset
def report(fails: int): ...


class Terminal(io.StringIO):
    """What a terminal is to a program."""

    def isatty(self) -> bool:
        return True


def run(**options):
    return materialize([orders, fails, report], raise_on_error=False, run_id="r1", **options)


def test_a_function_hears_every_event():
    """A progress function hears of every start, retry, end and skip, with how many are done and how long each took."""
    events: list[StepEvent] = []
    run(progress=events.append)
    assert [(event.step, event.status, event.number, event.total) for event in events] == [
        ("orders", "started", 0, 3),
        ("orders", "finished", 1, 3),
        ("fails", "started", 1, 3),
        ("fails", "retrying", 1, 3),
        ("fails", "failed", 2, 3),
        ("report", "skipped", 3, 3),
    ]
    assert {event.run_id for event in events} == {"r1"}
    assert [event.duration is not None for event in events] == [False, True, False, False, True, False]
    assert isinstance(events[4].error, ValueError)
    assert events[5].reason == "it needs fails, which failed"


def test_a_progress_function_that_fails(caplog):
    """A progress function that raises is logged, and the execution goes on."""

    def broken(event):
        raise RuntimeError("display is gone")

    assert materialize([orders], progress=broken).success
    assert "a progress function failed" in caplog.text


def test_what_shows_nothing():
    """What is neither yes, no nor a function is an error."""
    with pytest.raises(DefinitionError, match="progress wants True, False or a function, not an int"):
        materialize([orders], progress=5)


def test_log_lines(caplog):
    """Without a terminal, each event is a log line: failures are warnings, all else is info."""
    caplog.set_level(logging.INFO, "resourcekit")
    run()
    lines = [(record.levelname, record.getMessage().partition(" in 0.")[0]) for record in caplog.records]
    assert lines == [
        ("INFO", "run r1: orders started (0 of 3)"),
        ("INFO", "run r1: orders finished"),
        ("INFO", "run r1: fails started (1 of 3)"),
        ("WARNING", "run r1: fails retrying (1 of 3): ValueError: retry 1 in 0 s"),
        ("WARNING", "run r1: fails failed"),
        ("WARNING", "run r1: report skipped (3 of 3): it needs fails, which failed"),
    ]
    log_steps(StepEvent(run_id="r2", step="x", status="finished", number=1, total=1, duration=2))
    assert caplog.messages[-1] == "run r2: x finished in 2.00 s (1 of 1)"


def test_silence(caplog, capsys, monkeypatch):
    """`progress=False` shows and logs nothing, on a terminal neither."""
    caplog.set_level(logging.DEBUG, "resourcekit")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(progress=False)
    assert (caplog.messages, terminal.getvalue()) == ([], "")


@pytest.mark.parametrize("progress", [None, True])
def test_a_terminal(monkeypatch, caplog, progress):
    """On a terminal, with rich, each step that ended leaves a line, and the running one is shown with what is left."""
    pytest.importorskip("rich")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    run(progress=progress)
    shown = terminal.getvalue()
    for text in ("orders finished in 0.", "fails failed in 0.", "report skipped (3 of 3)", "fails retrying"):
        assert text in shown
    assert "3/3" in shown
    assert caplog.messages == []

    @op
    def one(): ...

    @job
    def ones():
        one()

    ones.execute_in_process()
    assert "one finished" in terminal.getvalue()


def test_a_terminal_without_rich(monkeypatch, caplog):
    """On a terminal without rich there are log lines."""
    import resourcekit.definitions.model.progress as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    run()
    assert len(caplog.messages) == 3


def test_without_stderr(monkeypatch):
    """A program without a stderr, as a windowed one on Windows, runs all the same."""
    monkeypatch.setattr(sys, "stderr", None)
    assert materialize([orders]).success


def test_executions_inside_one_another(monkeypatch):
    """A step may run another execution while the display is on."""
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", Terminal())

    @asset
    def outer() -> int:
        return materialize([orders]).output_for(orders)

    assert materialize([outer]).output_for(outer) == 1


def test_prints_of_steps(monkeypatch, capsys):
    """What a step prints is not swallowed by the display."""
    pytest.importorskip("rich")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    @asset
    def prints():
        builtins.print("hello from a step")

    materialize([prints])
    assert "hello from a step" in capsys.readouterr().out + terminal.getvalue()


def test_a_result_that_rich_prints():
    """Printed with rich a result is the same lines as with print, whatever is in them; not the object's insides."""
    console = pytest.importorskip("rich.console").Console(width=200, record=True, file=io.StringIO())
    result = run()
    console.print(result)
    assert console.export_text() == f"{result}\n"
