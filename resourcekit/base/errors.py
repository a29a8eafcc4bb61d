"""Every error of resourcekit: data first, text made late.

Nothing here ever holds a configuration value: a `Problem` names keys, fields, types and sources,
so that any of these errors may be printed, logged or sent anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final, Self

import attrs
from attrs.exceptions import FrozenAttributeError

from resourcekit.base.masking import printable

__all__ = (
    "ConfigError",
    "DefinitionError",
    "FrozenResourceError",
    "InjectionError",
    "InvalidFieldError",
    "Location",
    "NoActiveRunError",
    "NotInRunError",
    "NotLiveError",
    "PlanError",
    "PreflightError",
    "Problem",
    "ProblemError",
    "ResourceKitError",
    "RunStateError",
    "SetupError",
    "TeardownError",
    "UnknownKeyError",
    "UnresolvedError",
)

PLAN_CODES: Final = frozenset(
    {
        "async-in-sync",
        "captive-scope",
        "cycle",
        "dangling-ref",
        "missing-dependency",
        "raw-resource",
        "type-mismatch",
        "unreadable-type",
    }
)
CONFIG_CODES: Final = frozenset(
    {
        "app-overlay",
        "invalid-value",
        "missing-config",
        "missing-variable",
        "replaced-overlay",
        "unknown-field",
        "unknown-key",
        "unreadable-source",
        "wrong-type",
    }
)
WARNING_CODES: Final = frozenset({"misspelt-hook"})
_LISTED: Final = 12
_LONGEST_NAME: Final = 100


def nearest(name: str, candidates: Iterable[str], likeness: float = 0.6) -> str | None:
    """The candidate most like *name*, or None when nothing comes near: as near as *likeness*, between 0 and 1."""
    import difflib  # Only when something is already wrong.

    found = difflib.get_close_matches(name, sorted(candidates), n=1, cutoff=likeness)
    return found[0] if found else None


def did_you_mean(name: str, candidates: Iterable[str], *, prefix: str = "") -> str:
    """Advice for a misspelt *name*: the nearest candidate, else what there is."""
    known = sorted(candidates)
    near = nearest(name, known)
    if near is not None:
        return f"did you mean {prefix}{near}?"
    if not known:
        return "there is none"
    return f"there is: {listed(known)}"


def listed(names: Sequence[str]) -> str:
    """The first few of *names* as text, with dots for the others."""
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


def with_article(noun: str) -> str:
    """*noun* with its indefinite article: ``an int``, ``a Database``."""
    starts_with_vowel = noun.lower().startswith(("a", "e", "i", "o"))  # A u is often spoken as in "a user".
    return f"{'an' if starts_with_vowel else 'a'} {noun}"


def kind_in_words(value: object) -> str:
    """What *value* is: ``an int``; never the value."""
    return with_article(type(value).__name__)


def shortened(text: str) -> str:
    """A name from outside that may be of any length, short enough for a message."""
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "..."


@attrs.frozen
class Location:
    """A place in a source file.

    Args:
        file: The file's path, as Python knows it.
        line: The line, counted from 1.

    >>> str(Location("app.py", 12))
    'app.py:12'
    """

    file: str
    line: int

    def __str__(self) -> str:
        here = os.getcwd() + os.sep
        return f"{self.file.removeprefix(here)}:{self.line}"


@attrs.frozen(kw_only=True)
class Problem:
    """One thing that is wrong, as data: what `check()` returns, and what the errors of a run hold.

    Args:
        code: A stable code, listed in ``docs/errors.md``.
        where: The key, or key and field: ``orders.database.port``.
        message: What happened, in words; never a value.
        owner: The class that is declared there, if any.
        declared: Where the declaration stands.
        expected: The type the field wants.
        source: Where the value came from.
        hint: The way out.
        path: The keys that lead here, from the one that was asked for.

    >>> print(Problem(code="missing-variable", where="database.host", message="DB_HOST is not set"))
    database.host: DB_HOST is not set [missing-variable]
    """

    code: str
    where: str
    message: str
    owner: str | None = None
    declared: Location | None = None
    expected: str | None = None
    source: str | None = None
    hint: str | None = None
    path: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """``"plan"``, ``"config"`` or ``"definition"``: which error carries it; ``"warning"`` where none does."""
        if self.code in PLAN_CODES:
            return "plan"
        if self.code in WARNING_CODES:
            return "warning"
        return "config" if self.code in CONFIG_CODES else "definition"

    def __str__(self) -> str:
        lines = [printable(f"{self.where}: {self.message} [{self.code}]")]
        details = {
            "expected": self.expected,
            "source": self.source,
            "declared": f"{self.declared} ({self.owner})" if self.declared and self.owner else self.declared,
            "needed by": " -> ".join(self.path) if len(self.path) > 1 else None,
            "hint": self.hint,
        }
        lines += [f"    {name + ':':<10} {printable(str(text))}" for name, text in details.items() if text is not None]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The problem as plain data, for JSON.

        Returns:
            A dictionary of strings, None and a list; *declared* is ``file:line``.

        >>> Problem(code="cycle", where="a", message="a needs itself").to_dict()["code"]
        'cycle'
        """
        data = attrs.asdict(self, recurse=False)
        data["declared"] = None if self.declared is None else f"{self.declared.file}:{self.declared.line}"
        data["path"] = list(self.path)
        return data


class ResourceKitError(Exception):
    """The base of every error that resourcekit raises.

    >>> issubclass(DefinitionError, ResourceKitError)
    True
    """


class DefinitionError(ResourceKitError):
    """A class, a container or a declaration is wrong, and was wrong before anything ran.

    Args:
        message: What is wrong and the way out.
        problems: The same as data, where there is more than one sentence to say.

    >>> raise DefinitionError("key 'run' is taken")
    Traceback (most recent call last):
    ...
    resourcekit.base.errors.DefinitionError: key 'run' is taken
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, tuple(problems))
        self.message = message
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return self.message


class InvalidFieldError(DefinitionError, TypeError, ValueError):
    """A resource was constructed with wrong arguments; every wrong one is listed.

    Also a TypeError and a ValueError, since that is what attrs users catch.

    Args:
        owner: The name of the resource class.
        problems: What is wrong, one entry an argument.

    >>> error = InvalidFieldError("Database", [Problem(code="missing-field", where="Database.host", message="missing")])
    >>> error.problems[0].where
    'Database.host'
    """

    def __init__(self, owner: str, problems: Sequence[Problem]) -> None:
        Exception.__init__(self, owner, tuple(problems))
        self.message = f"{owner} was not constructed"
        self.owner = owner
        self.problems = tuple(problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{self.message}: {count} problem{'s' if count > 1 else ''}"
        return "\n".join([head, *(f"  {_indent(str(problem))}" for problem in self.problems)])


class ProblemError(ResourceKitError):
    """One `Problem` as an exception: the entries of `PlanError` and `ConfigError`, whose text tells all of each.

    Args:
        problem: The problem.

    >>> str(ProblemError(Problem(code="cycle", where="a", message="needs itself")))
    'a [cycle]'
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        # Its group has told all of it: a traceback shows both.
        return f"{self.problem.where} [{self.problem.code}]"


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")


class _ProblemGroup(ResourceKitError, ExceptionGroup[ProblemError]):
    """An ExceptionGroup of problems, found before the first hook ran."""

    problems: tuple[Problem, ...]
    _is_part = False  # Of a group that tells its problems: a traceback shows both.

    def __new__(cls, problems: Sequence[Problem]) -> Self:
        return super().__new__(cls, f"{len(problems)} problem(s)", [ProblemError(problem) for problem in problems])

    def __init__(self, problems: Sequence[Problem]) -> None:
        BaseException.__init__(self, tuple(problems))  # a group's own has other parameters
        self.problems = tuple(problems)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """A group of the same kind with some of the errors: what ``except*`` splits it into."""
        return type(self)([error.problem for error in excs])

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''}, nothing was opened"
        if self._is_part:
            return head
        return "\n".join([head, *(f"  {_indent(str(problem))}" for problem in self.problems)])

    @property
    def message(self) -> str:
        """The text, as for `str`: tools that know exception groups, pytest among them, read it here."""
        return str(self)


class PlanError(_ProblemGroup):
    """The graph cannot be run: cycles, dangling references, scopes, sync and async, types.

    Args:
        problems: Every problem found.

    >>> try:
    ...     raise PlanError([Problem(code="cycle", where="a", message="a -> b -> a")])
    ... except* ProblemError as group:
    ...     print(group.exceptions[0].problem)
    a: a -> b -> a [cycle]
    """


class ConfigError(_ProblemGroup):
    """Values are missing or malformed: variables, files, overlays.

    Args:
        problems: Every problem found.

    >>> print(ConfigError([Problem(code="missing-variable", where="db.host", message="DB_HOST is not set")]))
    1 problem, nothing was opened
      db.host: DB_HOST is not set [missing-variable]
    """


class PreflightError(ResourceKitError, ExceptionGroup[_ProblemGroup]):
    """Problems of more than one kind: holds one `PlanError` and one `ConfigError`.

    Args:
        problems: Every problem found, of either kind.

    >>> error = PreflightError(
    ...     [
    ...         Problem(code="cycle", where="a", message="a -> b -> a"),
    ...         Problem(code="missing-variable", where="c.host", message="HOST is not set"),
    ...     ]
    ... )
    >>> [type(part).__name__ for part in error.exceptions]
    ['PlanError', 'ConfigError']
    """

    problems: tuple[Problem, ...]
    _is_part = False

    def __new__(cls, problems: Sequence[Problem]) -> Self:
        plan = [problem for problem in problems if problem.stage == "plan"]
        config = [problem for problem in problems if problem.stage != "plan"]
        parts = [kind(some) for kind, some in ((PlanError, plan), (ConfigError, config)) if some]
        for part in parts:
            part._is_part = True
        return super().__new__(cls, f"{len(problems)} problems", parts)

    def __init__(self, problems: Sequence[Problem]) -> None:
        BaseException.__init__(self, tuple(problems))
        self.problems = tuple(problems)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """A group of the same kind with some of the errors: what ``except*`` splits it into."""
        return type(self)([problem for part in excs for problem in part.problems])

    __str__ = _ProblemGroup.__str__

    @property
    def message(self) -> str:
        """The text, as for `str`."""
        return str(self)


def preflight_error(problems: Sequence[Problem]) -> PlanError | ConfigError | PreflightError:
    """The error for *problems*: a single kind surfaces as itself, several as a `PreflightError`."""
    stages = {problem.stage == "plan" for problem in problems}
    if stages == {True}:
        return PlanError(problems)
    return ConfigError(problems) if stages == {False} else PreflightError(problems)


class _HookErrors(ResourceKitError, ExceptionGroup[Exception]):
    """What several hooks raised; each error has a note that names its resource."""

    _kind: ClassVar[str]

    def __new__(cls, errors: Sequence[Exception]) -> Self:
        count = len(errors)
        return super().__new__(cls, f"{count} {cls._kind} hook{'s' if count > 1 else ''} failed", errors)

    def __init__(self, errors: Sequence[Exception]) -> None:
        BaseException.__init__(self, tuple(errors))

    def derive(self, excs: Sequence[Any], /) -> Any:
        """A group of the same kind with some of the errors: what ``except*`` splits it into."""
        return type(self)(excs)


class TeardownError(_HookErrors):
    """One or more teardown hooks failed; every other one has run all the same.

    Args:
        errors: What the hooks raised, in the order they ran; each has a note that names its resource.

    >>> TeardownError([ValueError("flush failed")]).exceptions
    (ValueError('flush failed'),)
    """

    _kind = "teardown"


class SetupError(_HookErrors):
    """Several set-up hooks of a concurrent start failed; what was up is torn down. A single error surfaces as itself.

    Args:
        errors: What the hooks raised; each has a note that names its resource.

    >>> SetupError([OSError("no route"), ValueError("bad token")]).exceptions
    (OSError('no route'), ValueError('bad token'))
    """

    _kind = "set-up"


class UnresolvedError(ResourceKitError, AttributeError):
    """A field was read that has no value yet: it comes from a variable, a file, a key or a provider.

    Args:
        owner: The resource class.
        field: The field, or None when the deferred value itself was used as text or number.
        source: What will give the value.

    >>> print(UnresolvedError("Database", "host", "variable DB_HOST"))
    Database.host has no value yet: it comes from variable DB_HOST when a run starts; use `with open_resource(...)`, \
or a container's `run()`, and read it from what they give
    """

    def __init__(self, owner: str, field: str | None, source: str) -> None:
        super().__init__(owner, field, source)
        self.owner = owner
        self.field = field
        self.source = source

    def __str__(self) -> str:
        what = self.owner if self.field is None else f"{self.owner}.{self.field}"
        return (
            f"{what} has no value yet: it comes from {self.source} when a run starts; "
            "use `with open_resource(...)`, or a container's `run()`, and read it from what they give"
        )


class FrozenResourceError(ResourceKitError, FrozenAttributeError):
    """A field of a resource was assigned or deleted.

    Args:
        owner: The resource class.
        name: The attribute.

    >>> print(FrozenResourceError("Database", "host"))
    Database.host cannot be set: a resource is frozen; use replace(resource, host=...) for a changed copy, and a name \
that begins with an underscore, such as self._host, for private state
    """

    def __init__(self, owner: str, name: str) -> None:
        AttributeError.__init__(self, owner, name)
        self.owner = owner
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.owner}.{self.name} cannot be set: a resource is frozen; "
            f"use replace(resource, {self.name}=...) for a changed copy, and a name that begins with an underscore, "
            f"such as self._{self.name}, for private state"
        )


class UnknownKeyError(ResourceKitError, LookupError):
    """A key that a container does not have.

    Args:
        key: What was asked for.
        container: The container's name.
        known: The keys there are.

    >>> print(UnknownKeyError("databse", "Prod", ["database", "orders"]))
    Prod has no key 'databse'; did you mean database?
    """

    def __init__(self, key: str, container: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__(key, container, self.known)
        self.key = key
        self.container = container

    def __str__(self) -> str:
        key = shortened(str(self.key))  # What is no text at all is told as well.
        return f"{self.container} has no key {key!r}; {did_you_mean(key, self.known)}"


class NotLiveError(ResourceKitError, AttributeError):
    """An attribute was asked of a declaration in a container, where only a run has the live resource.

    Args:
        container: The container's name.
        key: The resource's key.
        name: The attribute that was asked for.

    >>> print(NotLiveError("Prod", "database", "query"))
    Prod.database is the declaration, it has no attribute 'query'; with app = Prod(), use `with app.run() as \
resources: resources.database`
    """

    def __init__(self, container: str, key: str, name: str) -> None:
        super().__init__(container, key, name)
        self.container = container
        self.key = key
        self.attribute = name

    def __str__(self) -> str:
        return (
            f"{self.container}.{self.key} is the declaration, it has no attribute {self.attribute!r}; "
            f"with app = {self.container}(), use `with app.run() as resources: resources.{self.key}`"
        )


class NotInRunError(ResourceKitError, AttributeError):
    """A resource was asked of a run that did not set it up.

    Args:
        key: What was asked for.
        chosen: The keys the run was opened with.
        known: The keys the container has.

    >>> print(NotInRunError("orders", ["database"], ["database", "orders"]))
    'orders' is not in this run, which has database; open it with run('database', 'orders')
    """

    def __init__(self, key: str, chosen: Iterable[str], known: Iterable[str]) -> None:
        self.chosen = tuple(chosen)
        self.known = tuple(known)
        super().__init__(key, self.chosen, self.known)
        self.key = key

    def __str__(self) -> str:
        if self.key not in self.known:
            key = shortened(self.key)
            return f"{key!r} is no key of this container; {did_you_mean(key, self.known)}"
        call = ", ".join(repr(key) for key in (*self.chosen, self.key))
        has = ", ".join(self.chosen) or "nothing"
        return f"{self.key!r} is not in this run, which has {has}; open it with run({call})"


class NoActiveRunError(ResourceKitError, RuntimeError):
    """A live resource was asked for where no open run and no started app has it.

    Args:
        what: What was asked for.
        container: The container's name.

    >>> print(NoActiveRunError("database", "Prod"))
    no live 'database' here: neither an open run of Prod nor its app scope has it; use `with container.run():` or \
`with container:`
    """

    def __init__(self, what: str, container: str) -> None:
        super().__init__(what, container)
        self.what = what
        self.container = container

    def __str__(self) -> str:
        return (
            f"no live {self.what!r} here: neither an open run of {self.container} nor its app scope has it; "
            "use `with container.run():` or `with container:`"
        )


class RunStateError(ResourceKitError, RuntimeError):
    """A run or a container was used in a state that does not allow it: twice, too late, from a fork.

    >>> raise RunStateError("this run has ended; open another with app.run()")
    Traceback (most recent call last):
    ...
    resourcekit.base.errors.RunStateError: this run has ended; open another with app.run()
    """


class InjectionError(ResourceKitError, TypeError):
    """A function asks for a resource that is not there, or is of another type.

    Args:
        function: The function's qualified name.
        parameter: The parameter that cannot be filled.
        reason: What is wrong.
        hint: The way out.

    >>> print(InjectionError("report", "ordrs", "no key 'ordrs'", "did you mean orders?"))
    report() cannot be given 'ordrs': no key 'ordrs'; did you mean orders?
    """

    def __init__(self, function: str, parameter: str, reason: str, hint: str = "") -> None:
        super().__init__(function, parameter, reason, hint)
        self.function = function
        self.parameter = parameter
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        advice = f"; {self.hint}" if self.hint else ""
        return f"{self.function}() cannot be given {self.parameter!r}: {self.reason}{advice}"


def nothing_injects(name: str) -> DefinitionError:
    """The error of a framework's parameter that was to be injected, where nothing injects.

    Args:
        name: What it is annotated with.
    """
    return DefinitionError(
        f"{name} is to be injected, and nothing does that: pydantic, by which FastAPI reads requests, cannot; "
        "put @inject directly above the function, below the decorator that makes a route of it"
    )
