"""Executing steps: order, failures, what is skipped, retries, what surfaces, and what hooks hear."""

import logging
import pickle
import sqlite3
import threading
import traceback
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigError,
    ConfigurableIOManager,
    ConfigurableResource,
    DefinitionError,
    EnvVar,
    ExecutionError,
    FilesystemIOManager,
    RetryPolicy,
    StepEvent,
    StepStateError,
    TeardownError,
    amaterialize,
    asset,
    materialize,
    ref,
)


class Logged(ConfigurableResource):
    """Writes its life to a list that its class has."""

    name: str = "r"

    def setup_for_execution(self, context):
        LOG.append(f"up {self.name}")

    def teardown_after_execution(self, context):
        told = "" if context.exception is None else f" {type(context.exception).__name__}"
        LOG.append(f"down {self.name}{told}")


LOG: list[str] = []


@pytest.fixture
def log():
    LOG.clear()
    return LOG


@asset
def good(r: Logged) -> int:
    LOG.append("good")
    return 1


@asset
def bad(r: Logged) -> int:
    LOG.append("bad")
    raise ValueError("bad day")


@asset
def after_bad(bad: int) -> int:
    return bad


@asset
def after_both(after_bad: int, good: int) -> int:
    return after_bad + good


@asset
def last(r: Logged) -> int:
    LOG.append("last")
    return 2


ALL = [good, bad, after_bad, after_both, last]


def test_a_failure_surfaces_as_itself(log):
    """By default the first failure ends the execution: its own exception, with a note that names the asset."""
    with pytest.raises(ValueError, match="bad day") as caught:
        materialize(ALL, resources={"r": Logged()})
    (note,) = caught.value.__notes__
    assert note.startswith("resourcekit: asset 'bad' failed, defined at ")
    assert "test_execution.py:" in note
    assert log == ["up r", "good", "bad", "down r ValueError"]
    files = [Path(frame.filename).name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files[-2:] == ["step_execution.py", "test_execution.py"]  # `end` raises it: no driver in between


def test_a_failed_result(log):
    """With `raise_on_error=False` all else is done, what needs the failed one is skipped, and the result tells."""
    result = materialize(ALL, resources={"r": Logged()}, raise_on_error=False)
    assert not result.success
    assert log == ["up r", "good", "bad", "last", "down r ValueError"]
    assert {name: step.status for name, step in result.steps.items()} == {
        "good": "success",
        "bad": "failed",
        "after_bad": "skipped",
        "after_both": "skipped",
        "last": "success",
    }
    (failure,) = result.failures
    assert (failure.name, type(failure.error), failure.success) == ("bad", ValueError, False)
    assert [step.reason for step in result.skipped] == ["it needs bad, which failed"] * 2
    assert result.errors == (failure.error,)
    assert result.output_for(last) == 2


def test_several_failures():
    """Several failures are all in the result; none hides another."""

    @asset
    def other():
        raise KeyError("other")

    @asset
    def needs_both(bad: int, other: int): ...

    result = materialize([bad, other, needs_both], resources={"r": Logged()}, raise_on_error=False)
    assert [type(error) for error in result.errors] == [ValueError, KeyError]
    assert [step.name for step in result.failures] == ["bad", "other"]
    assert result.skipped[0].reason == "it needs bad, which failed"


def test_several_at_once_are_a_group():
    """Steps that fail at the same time surface as one `ExecutionError`, each with the note that names it."""
    barrier = threading.Barrier(2)

    @asset
    def one():
        barrier.wait(30)
        raise ValueError("one")

    @asset
    def two():
        barrier.wait(30)
        raise KeyError("two")

    @asset(deps=[one, two])
    def three(): ...

    with pytest.raises(ExecutionError) as caught:
        materialize([one, two, three], max_concurrent=2)
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}
    assert all("failed, defined at" in error.__notes__[0] for error in caught.value.exceptions)
    values, rest = caught.value.split(ValueError)
    assert (type(values), type(rest)) == (ExecutionError, ExecutionError)


def test_an_error_met_twice_has_one_note():
    """An exception object that two executions raise is told once."""
    error = ValueError("same")

    @asset
    def fails():
        raise error

    for _ in range(2):
        materialize([fails], raise_on_error=False)
    assert len(error.__notes__) == 1


def test_setup_fails(log):
    """A resource that cannot be set up: no step runs, the result has the error, and by default it is raised."""

    class Broken(ConfigurableResource):
        def setup_for_execution(self, context):
            raise ConnectionError("no server")

    @asset
    def needs(r: Logged, broken: Broken): ...

    resources = {"r": Logged(), "broken": Broken()}
    with pytest.raises(ConnectionError, match="no server"):
        materialize([needs], resources=resources)
    result = materialize([needs], resources=resources, raise_on_error=False)
    assert [type(error) for error in result.errors] == [ConnectionError]
    assert [(step.status, step.reason) for step in result.skipped] == [("skipped", "the resources were not set up")]
    assert log == ["up r", "down r ConnectionError"] * 2


def test_config_fails(log):
    """A missing variable is told before anything opens; a failed result has the same error."""
    resources = {"r": Logged(name=EnvVar("SURELY_NOT_SET"))}
    with pytest.raises(ConfigError, match="SURELY_NOT_SET"):
        materialize([good], resources=resources)
    result = materialize([good], resources=resources, raise_on_error=False)
    assert [type(error) for error in result.errors] == [ConfigError]
    assert log == []


def test_definitions_that_do_not_fit_always_raise():
    """What is wrong with the code is raised, whatever is said of failures."""
    with pytest.raises(DefinitionError):
        materialize([good], raise_on_error=False)


class Sticky(ConfigurableResource):
    def teardown_after_execution(self, context):
        raise OSError("flush failed")


def test_teardown_fails():
    """A teardown that fails makes the execution fail, though every step went well."""

    @asset
    def uses(sticky: Sticky) -> int:
        return 1

    with pytest.raises(TeardownError):
        materialize([uses], resources={"sticky": Sticky()})
    result = materialize([uses], resources={"sticky": Sticky()}, raise_on_error=False)
    assert not result.success
    assert result.output_for(uses) == 1
    assert [type(error) for error in result.errors] == [TeardownError]
    *_, error, place = str(result).splitlines()
    assert error == "  OSError: flush failed"
    assert place.startswith("      teardown_after_execution of 'sticky' (Sticky), needed as sticky, declared at ")


def test_step_and_teardown_fail(caplog):
    """When a step and a teardown fail, the step's error is raised, and the result has both."""

    @asset
    def fails(sticky: Sticky):
        raise ValueError("body")

    with pytest.raises(ValueError, match="body") as caught:
        materialize([fails], resources={"sticky": Sticky()})
    assert isinstance(caught.value.teardown_errors.exceptions[0], OSError)
    result = materialize([fails], resources={"sticky": Sticky()}, raise_on_error=False)
    assert [type(error) for error in result.errors] == [ValueError, OSError]
    text = str(result)
    assert text.count("ValueError: body") == text.count("OSError: flush failed") == 1
    assert "teardown_after_execution of 'sticky' (Sticky)" in text


def test_an_error_has_the_result(caplog):
    """What was done until an error, or a Ctrl-C, is not lost with it: the error has the result."""

    @asset
    def first() -> int:
        return 1

    @asset
    def fails(first: int):
        raise ValueError("body")

    @asset
    def stops(first: int):
        raise KeyboardInterrupt

    @asset
    def last(): ...

    for step, kind in ((fails, ValueError), (stops, KeyboardInterrupt)):
        with pytest.raises(kind) as caught:
            materialize([first, step, last])
        result = caught.value.execution_result
        assert result.output_for(first) == 1
        assert not result.success
        assert caught.value in result.errors
        assert [each.name for each in result.skipped] == (["last"] if step is fails else ["stops", "last"])
    assert {each.reason for each in result.skipped} == {"interrupted by KeyboardInterrupt"}

    @asset
    def uses(sticky: Sticky): ...

    with pytest.raises(TeardownError) as caught:
        materialize([uses], resources={"sticky": Sticky()})
    assert caught.value.execution_result.steps["uses"].success
    with pytest.raises(ConfigError) as caught:
        materialize([first], resources={"io_manager": FilesystemIOManager(base_dir=EnvVar("SURELY_NOT_SET"))})
    assert caught.value.execution_result.skipped[0].reason == "the resources were not set up"


def test_an_error_with_its_result_can_be_pickled():
    """An error that comes from another process has the result too, but for the values, which stayed there."""

    @asset
    def unpicklable():
        return lambda: 1

    @asset
    def fails(unpicklable):
        raise ValueError("body")

    with pytest.raises(ValueError, match="body") as caught:
        materialize([unpicklable, fails])
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.execution_result.errors == (error,)
    assert error.execution_result.steps["unpicklable"].success
    with pytest.raises(StepStateError, match="its values stayed behind"):
        error.execution_result.output_for("unpicklable")


def test_an_error_that_takes_no_attributes():
    """An exception of a class that lets nobody set its attributes surfaces as itself, and tells as much as any."""

    class Closed(Exception):
        def __setattr__(self, name, value):
            if name != "__traceback__":  # which contextlib sets
                raise TypeError("closed")
            super().__setattr__(name, value)

    @asset
    def fails():
        raise Closed("body")

    with pytest.raises(Closed, match="body") as caught:
        materialize([fails])
    assert caught.value.execution_result.failures[0].error is caught.value
    assert "asset 'fails' failed" in caught.value.__notes__[0]


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupts_go_through(log, interrupt, limit):
    """Ctrl-C and exit end an execution at once, whatever is said of failures; resources are torn down."""

    @asset
    def stops(r: Logged):
        raise interrupt

    @asset(deps=[stops])
    def never():
        LOG.append("never")

    @asset
    def beside(): ...

    with pytest.raises(interrupt):
        materialize([stops, never, beside], resources={"r": Logged()}, raise_on_error=False, max_concurrent=limit)
    assert log[0] == "up r"
    assert log[-1].startswith("down r")
    assert "never" not in log


# Retries -------------------------------------------------------------------------------------------------------------


def test_retries_run_the_step_again(log):
    """A retry runs the step again, with its inputs loaded anew; the resources are not set up again."""
    tries = []

    @asset(retry_policy=RetryPolicy(max_retries=3))
    def flaky(context, r: Logged, good: int) -> int:
        tries.append(context.retry_number)
        if len(tries) < 3:
            raise ConnectionError
        return good + 1

    result = materialize([good, flaky], resources={"r": Logged()})
    assert result.output_for(flaky) == 2
    assert tries == [0, 1, 2]
    assert log == ["up r", "good", "down r"]
    assert result.steps["flaky"].attempts == 3
    assert "3 attempts" in str(result.steps["flaky"])


def test_retries_end():
    """A step that fails to the last fails with its last error; one whose error is not worth it, at once."""
    tries = []

    @asset(retry_policy=RetryPolicy(max_retries=2, on=ConnectionError))
    def flaky():
        tries.append(1)
        raise ConnectionError(len(tries))

    @asset(retry_policy=RetryPolicy(max_retries=2, on=(ConnectionError, TimeoutError)))
    def wrong():
        tries.append(1)
        raise ValueError

    result = materialize([flaky, wrong], raise_on_error=False)
    assert [step.attempts for step in result.failures] == [3, 1]
    assert result.failures[0].error.args == (3,)


@pytest.mark.parametrize("limit", [1, 2])
def test_retries_wait(limit):
    """A retry waits as its policy says, and the progress tells so."""
    events = []

    @asset(retry_policy=RetryPolicy(max_retries=2, delay=0.001, backoff="exponential"))
    def flaky():
        raise ConnectionError

    @asset
    def beside(): ...

    materialize([flaky, beside], raise_on_error=False, progress=events.append, max_concurrent=limit)
    reasons = [event.reason for event in events if event.status == "retrying"]
    assert reasons == ["retry 1 in 0.001 s", "retry 2 in 0.002 s"]


def test_policies():
    """A policy says how long to wait: always the same, growing evenly, doubling."""
    waits = {
        backoff: [RetryPolicy(max_retries=3, delay=2, backoff=backoff).wait_before(n) for n in (1, 2, 3)]
        for backoff in (None, "linear", "exponential")
    }
    assert waits == {None: [2, 2, 2], "linear": [2, 4, 6], "exponential": [2, 4, 8]}
    for wrong in ({"max_retries": -1}, {"max_retries": True}, {"delay": "x"}, {"backoff": "cubic"}, {"on": 5}):
        with pytest.raises(DefinitionError, match=next(iter(wrong))):
            RetryPolicy(**wrong)


# Order, and steps at once --------------------------------------------------------------------------------------------


def test_ties_go_in_declaration_order():
    """Steps that could run in any order run as they were given."""
    done = []

    def make(name, *deps):
        @asset(name=name, deps=deps)
        def step():
            done.append(name)

        return step

    materialize([make("d", "c"), make("b"), make("a"), make("c", "a"), make("e")])
    assert done == ["b", "a", "c", "d", "e"]


def test_steps_at_once():
    """With `max_concurrent`, steps that need nothing of one another run at once, in threads, up to the limit."""
    barrier = threading.Barrier(3)
    threads = set()
    running = []
    most = []

    def make(name):
        @asset(name=name)
        def step():
            running.append(name)
            most.append(len(running))
            threads.add(threading.get_ident())
            barrier.wait(30)
            running.remove(name)
            return name

        return step

    steps = [make(f"s{number}") for number in range(6)]

    @asset(ins={"first": "s0", "last": "s5"})
    def end(first: str, last: str) -> str:
        return first + last

    result = materialize([*steps, end], max_concurrent=3)
    assert result.output_for(end) == "s0s5"
    assert max(most) == 3
    assert threading.get_ident() not in threads


def test_resources_that_keep_to_their_thread(tmp_path):
    """Steps at once that work with a class of `threads=False` stay in its thread; so does what it keeps."""
    here = threading.get_ident()

    class Sqlite(ConfigurableResource, threads=False):
        def setup_for_execution(self, context):
            self._connection = sqlite3.connect(tmp_path / "x.db")

        def teardown_after_execution(self, context):
            self._connection.close()

        def one(self):
            return self._connection.execute("select 1").fetchone()[0]

    class Table(ConfigurableIOManager):
        sqlite: Sqlite

        def handle_output(self, context, obj):
            kept[context.step_key] = (obj, self.sqlite.one(), threading.get_ident() == here)

        def load_input(self, context):
            self.sqlite.one()
            return kept[context.upstream_output.step_key][0]

    kept = {}

    @asset
    def uses(sqlite: Sqlite) -> bool:
        return sqlite.one() == 1 and threading.get_ident() == here

    @asset
    def free() -> bool:
        return threading.get_ident() == here

    @asset
    def takes(free: bool) -> bool:
        return free

    async def main():
        resources = {"sqlite": Sqlite(), "io_manager": Table(sqlite=ref("sqlite"))}
        return await amaterialize([uses, free, takes], resources=resources, max_concurrent=3)

    result = anyio.run(main)
    assert (result.output_for(uses), result.output_for(free), result.output_for(takes)) == (True, False, False)
    assert set(kept.values()) == {(True, 1, True), (False, 1, True)}


@pytest.mark.parametrize("limit", [0, -1, "2", True, None])
def test_wrong_limits(limit):
    """A limit that is no positive number is an error."""
    with pytest.raises(DefinitionError, match="max_concurrent"):
        materialize([], max_concurrent=limit)


def test_run_id_tags_and_log(caplog):
    """Contexts and hooks have the run's id and tags; a step's logger has its name."""
    seen = []

    class Tagged(ConfigurableResource):
        def setup_for_execution(self, context):
            seen.append((context.run_id, dict(context.tags)))

    @asset
    def told(context, tagged: Tagged):
        context.log.warning("hello")
        return context.run_id, dict(context.tags), context.step, str(context.asset_key), context.job_name

    result = materialize([told], resources={"tagged": Tagged()}, run_id="r1", tags={"a": "b"})
    assert result.output_for(told) == ("r1", {"a": "b"}, "told", "told", None)
    assert seen == [("r1", {"a": "b"})]
    assert (result.run_id, dict(result.tags)) == ("r1", {"a": "b"})
    assert ("resourcekit.steps.told", logging.WARNING, "hello") in caplog.record_tuples


# Any graph -----------------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw):
    """Needs of up to eight steps, each of earlier ones, and which of them fail."""
    count = draw(st.integers(1, 8))
    needs = [draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(count)]
    return needs, draw(st.sets(st.integers(0, count - 1)))


@given(graphs(), st.sampled_from([1, 3]), st.randoms())
def test_any_graph(graph, limit, random):
    """Whatever needs what and fails: each step runs once and after its needs, or is skipped as one of them failed."""
    needs, failing = graph
    done: list[int] = []

    def make(number):
        def step(**values):
            assert all(values[f"s{need}"] == need for need in needs[number])
            done.append(number)
            if number in failing:
                raise ValueError(number)
            return number

        parameters = ", ".join(f"s{need}" for need in sorted(needs[number]))
        scope = {"step": step}
        exec(f"def s{number}({parameters}): return step(**locals())", scope)
        return asset(scope[f"s{number}"])

    assets = [make(number) for number in range(len(needs))]
    random.shuffle(assets)
    events: list[StepEvent] = []
    result = materialize(assets, raise_on_error=False, max_concurrent=limit, progress=events.append)

    lost: set[int] = set()
    for number, its in enumerate(needs):
        if its & (lost | failing):
            lost.add(number)
    expected = {f"s{n}": "skipped" if n in lost else "failed" if n in failing else "success" for n in range(len(needs))}
    assert {name: step.status for name, step in result.steps.items()} == expected
    assert sorted(done) == sorted(set(range(len(needs))) - lost)
    assert all(done.index(need) < done.index(number) for number in done for need in needs[number])
    ended = [event for event in events if event.status in ("finished", "failed", "skipped")]
    assert [event.number for event in ended] == list(range(1, len(needs) + 1))
    assert len(result.errors) == len(failing - lost)
