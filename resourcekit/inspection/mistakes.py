"""What is allowed, and yet is likely a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from inspect import unwrap
from types import FunctionType
from typing import Final

from resourcekit.base.errors import Location, Problem
from resourcekit.declarations.hooks import HOOK_NAMES
from resourcekit.planning.plan import Plan

__all__ = ("likely_mistakes",)

_CLOSE: Final = 0.85
"""How like a hook's name another is that is taken for a slip: ``create_resources`` may well be meant."""

_HOOKS: Final = [name for name in HOOK_NAMES if name.endswith("_execution")]


def likely_mistakes(plan: Plan) -> Iterator[Problem]:
    """What a run would do without a word: each method that is called almost as a hook is, which no run calls.

    Args:
        plan: What the run would set up.
    """
    seen: set[type] = set()
    for step in (*plan.steps, *plan.stuck):
        cls = type(step.resource)
        if cls in seen:
            continue
        seen.add(cls)
        for method, hook in _misspelt(cls):
            code = method.__code__
            yield Problem(
                code="misspelt-hook",
                where=step.name,
                message=f"no run calls {method.__qualname__}(): the hook is called {hook}",
                owner=cls.__name__,
                declared=Location(code.co_filename, code.co_firstlineno),
                hint=f"rename it {hook}; or give it a name that is less like it, if it is no hook",
            )


def _misspelt(cls: type) -> Iterator[tuple[FunctionType, str]]:
    """The methods of a class that are called almost like a hook which it does not have, and that hook."""
    seen: set[str] = set()
    for base in cls.__mro__:
        for name, method in vars(base).items():
            if name in seen or name.startswith("_") or base.__module__.startswith("resourcekit."):
                continue
            seen.add(name)
            near = get_close_matches(name, _HOOKS, n=1, cutoff=_CLOSE) if name not in HOOK_NAMES else ()
            function = unwrap(method) if callable(method) else None
            if near and isinstance(function, FunctionType) and _may_be_hook(function) and not _has(cls, near[0]):
                yield function, near[0]


def _may_be_hook(function: FunctionType) -> bool:
    """Whether it could be called as a hook is: with the context, or without anything."""
    code = function.__code__
    named = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    has_all = set(named) <= set(function.__kwdefaults__ or ())
    return has_all and code.co_argcount - len(function.__defaults__ or ()) <= 2


def _has(cls: type, hook: str) -> bool:
    """Whether a class of the user's has a hook."""
    return any(hook in vars(base) for base in cls.__mro__ if not base.__module__.startswith("resourcekit."))
