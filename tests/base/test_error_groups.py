"""The groups that carry problems behave as exception groups do: split, matched, printed and pickled."""

from __future__ import annotations

import pickle
import traceback

import pytest

from resourcekit import (
    ConfigError,
    Environments,
    PlanError,
    PreflightError,
    Problem,
    ProblemError,
    ResourceContainer,
    TeardownError,
    UnknownKeyError,
)

CYCLE = Problem(code="cycle", where="a", message="needs itself")
MISSING = Problem(code="missing-variable", where="b.host", message="variable HOST is not set")


@pytest.mark.parametrize("error", [PlanError([CYCLE]), ConfigError([MISSING]), PreflightError([CYCLE, MISSING])])
def test_a_group_survives_pickling(error: PlanError | ConfigError | PreflightError) -> None:
    """What a worker process raises arrives with its problems."""
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_a_group_of_both_kinds_is_split_by_kind() -> None:
    """`except*` takes the config part and leaves the plan part, each with its own problems."""
    taken, left = PreflightError([CYCLE, MISSING]).split(ConfigError)
    assert isinstance(taken, PreflightError)
    assert isinstance(left, PreflightError)
    assert (taken.problems, left.problems) == ((MISSING,), (CYCLE,))


def test_a_group_of_one_kind_is_split_by_problem() -> None:
    """A part of a `ConfigError` is a `ConfigError`, and prints as one."""
    other = Problem(code="wrong-type", where="c.port", message="expected int, got str")
    part = ConfigError([MISSING, other]).subgroup(
        lambda error: isinstance(error, ProblemError) and error.problem is other
    )
    assert isinstance(part, ConfigError)
    assert part.problems == (other,)
    assert "c.port: expected int, got str [wrong-type]" in str(part)


@pytest.mark.parametrize("error", [PlanError([CYCLE]), ConfigError([MISSING]), PreflightError([CYCLE, MISSING])])
def test_a_traceback_tells_each_problem_once(error: PlanError | ConfigError | PreflightError) -> None:
    """What a traceback prints of a group has each problem's text once; its parts are told by place and code."""
    text = "".join(traceback.format_exception(error))
    for problem in error.problems:
        assert text.count(problem.message) == 1
        assert text.count(f"ProblemError: {problem.where} [{problem.code}]") == 1


def test_a_part_of_the_teardown_errors_is_a_teardown_error() -> None:
    """`except* OSError` sees a `TeardownError` with the OSErrors in it."""
    part = TeardownError([OSError("disk"), ValueError("flush")]).subgroup(OSError)
    assert isinstance(part, TeardownError)
    assert [str(error) for error in part.exceptions] == ["disk"]


def test_an_unknown_key_of_an_empty_container() -> None:
    """Where there is no key at all, the error says that instead of guessing."""
    with pytest.raises(UnknownKeyError, match="there is none"):
        ResourceContainer.of({}).run("database").start()


def test_an_unknown_environment_is_named() -> None:
    """A misspelt environment gets the nearest one."""

    class Dev(ResourceContainer): ...

    with pytest.raises(UnknownKeyError, match="did you mean dev"):
        Environments(dev=Dev)["dve"]


@pytest.mark.parametrize("error", [PlanError([CYCLE]), ConfigError([MISSING]), PreflightError([CYCLE, MISSING])])
def test_the_message_is_the_whole_report(error: PlanError | ConfigError | PreflightError) -> None:
    """`message`, which loggers read, tells every problem as `str` does."""
    assert error.message == str(error)
    assert all(problem.where in error.message for problem in error.problems)
