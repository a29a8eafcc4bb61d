"""Which lifecycle hooks a resource class has, and how they want to be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from resourcekit.base.errors import DefinitionError

if TYPE_CHECKING:  # It brings logging, which a declaration does not need.
    from resourcekit.declarations.context import RunContext

__all__ = ("Hook", "Hooks", "health_hook", "hooks_of", "is_manager")

HOOK_NAMES: Final = ("setup_for_execution", "create_resource", "teardown_after_execution", "yield_for_execution")

# What contextlib makes of a generator function: always entered and left.
_GENERATED: Final = tuple(type(cast("Any", wrap)(iter)(())) for wrap in (contextmanager, asynccontextmanager))


@attrs.frozen(eq=False, repr=False)
class Hook:
    """One hook of one class.

    Args:
        name: The method's name; it is looked up when it is called, so that a patched one is honoured.
        takes_context: Whether the method has a context parameter.
        is_async: Whether it can run in an async run only.
        wrap: Makes a context manager of a generator function; None for any other.
        is_plain: Whether it does its work when it is called, and is no generator or context manager.
    """

    name: str
    takes_context: bool
    is_async: bool
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    is_plain: bool = False

    def bound(self, resource: object, context: RunContext) -> Callable[[], Any]:
        """The hook of *resource*, to be called: with the context when it asks for it."""
        method = getattr(resource, self.name)
        if self.wrap is not None:
            method = self.wrap(method)
        return partial(method, context) if self.takes_context else method


@attrs.frozen(eq=False, repr=False)
class Hooks:
    """The hooks of a class; None for each that it lacks.

    A class that has `whole` (yield_for_execution) has its other hooks called by that one only.
    """

    setup: Hook | None = None
    create: Hook | None = None
    teardown: Hook | None = None
    whole: Hook | None = None

    @property
    def called(self) -> tuple[Hook, ...]:
        """The hooks that a run calls, in the order of their phases."""
        hooks = (self.whole,) if self.whole else (self.setup, self.create, self.teardown)
        return tuple(hook for hook in hooks if hook is not None)

    @property
    def vends(self) -> bool:
        """Whether users may receive something else than the resource."""
        return self.create is not None or self.whole is not None

    @property
    def first_async(self) -> Hook | None:
        """The first hook that needs an async run."""
        return next((hook for hook in self.called if hook.is_async), None)


_NO_HOOKS: Final = Hooks()


def default_hook(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a hook of the base class: it does nothing, so a run does not call it."""
    vars(function)["__resourcekit_default__"] = True
    return function


def _takes_context(function: Any, bound: bool) -> bool:
    if not bound and _is_plain(function):
        return bool(function.__code__.co_argcount == 2)
    parameters = list(inspect.signature(function).parameters.values())[0 if bound else 1 :]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    takes = [parameter for parameter in parameters if parameter.kind in (*positional, inspect.Parameter.VAR_POSITIONAL)]
    others = [parameter for parameter in parameters if parameter not in takes[:1]]
    keywords = (*positional, inspect.Parameter.KEYWORD_ONLY)
    wanting = [each.name for each in others if each.default is inspect.Parameter.empty and each.kind in keywords]
    if wanting:
        raise DefinitionError(
            f"{function.__qualname__} wants {', '.join(wanting)}: a hook is given the context alone, by position"
        )
    return bool(takes)


def _is_plain(function: Any) -> bool:
    """Whether its code alone says that it takes ``self``, and perhaps the context: a signature costs ten times that."""
    if type(function) is not FunctionType or function.__dict__:  # a decorator may have left a signature there
        return False
    code = function.__code__
    has_more = code.co_kwonlyargcount or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
    return code.co_argcount in (1, 2) and not has_more


def _refuse_generator(cls: type, name: str, function: Any) -> None:
    """A hook that nobody resumes must not yield: what follows would never run."""
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise DefinitionError(
            f"{cls.__qualname__}.{name} yields, and would never be resumed; call it yield_for_execution"
        )


def _hook(cls: type, name: str) -> Hook | None:
    seen = getattr(cls, name, None)
    if seen is None or getattr(seen, "__resourcekit_default__", False):
        return None
    found = next(base.__dict__[name] for base in cls.__mro__ if name in base.__dict__)
    bound = isinstance(found, staticmethod | classmethod)
    function: Any = found.__func__ if isinstance(found, staticmethod | classmethod) else found
    if name in ("setup_for_execution", "teardown_after_execution", "check_health"):
        _refuse_generator(cls, name, function)
    takes_context = _takes_context(seen, bound)
    if inspect.isgeneratorfunction(function):
        return Hook(name, takes_context, False, contextmanager)
    if inspect.isasyncgenfunction(function):
        return Hook(name, takes_context, True, asynccontextmanager)
    # @asynccontextmanager keeps the generator function it wraps.
    inner = inspect.unwrap(function)
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(inner)
    is_manager = inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)
    is_plain = name != "yield_for_execution" and not is_manager
    return Hook(name, takes_context, is_async, is_plain=is_plain)


def hooks_of(cls: type) -> Hooks:
    """The hooks that *cls* defines or inherits; the base class's own count as none.

    Raises:
        DefinitionError: A hook cannot be called with the context alone, or yields where it must not.
    """
    found = [_hook(cls, name) for name in HOOK_NAMES]
    if not any(found):
        return _NO_HOOKS
    setup, create, teardown, whole = found
    return Hooks(setup, create, teardown, whole)


def health_hook(cls: type) -> Hook | None:
    """The ``check_health`` hook of *cls*, which no run calls: `resourcekit doctor` does.

    Raises:
        DefinitionError: It cannot be called with the context alone.
    """
    return _hook(cls, "check_health")


def is_manager(hook: Hook, value: object) -> bool:
    """Whether what *hook* gave is to be entered and left, not handed out.

    What `contextlib` makes of a generator always is; any other object only where the hook promises one:
    a vended connection that happens to be a context manager is handed out as it is.
    """
    if hook.name == "yield_for_execution":
        return isinstance(value, AbstractContextManager | AbstractAsyncContextManager)
    return isinstance(value, _GENERATED)
