"""Wrappers of the function's own kind, and single calls, around which a `Filling` stands."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Mapping
from functools import partial, wraps
from types import MethodType
from typing import Any, Final, Literal

from resourcekit.base.errors import RunStateError, kind_in_words, with_article
from resourcekit.injection.filling import Fill, Filling, FromCurrent
from resourcekit.injection.function import MARK, FunctionSpec, function_spec, unbound
from resourcekit.injection.specialised import KINDS, Specialised

__all__ = ("acalled", "called", "wrapped")

Kind = Literal["function", "coroutine function", "generator function", "async generator function"]

_KINDS: Final[tuple[tuple[Kind, Callable[[Any], bool]], ...]] = (
    ("coroutine function", inspect.iscoroutinefunction),
    ("async generator function", inspect.isasyncgenfunction),
    ("generator function", inspect.isgeneratorfunction),
)


def _kind_of(function: Any, user: str) -> Kind:
    """The kind of *function*.

    Raises:
        TypeError: It is none: a class, an object that cannot be called.
    """
    if not callable(function) or isinstance(function, type):
        what = f"the class {function.__name__}" if isinstance(function, type) else kind_in_words(function)
        raise TypeError(f"{user} wants a function, not {what}")
    plain = unbound(function)
    for kind, is_kind in _KINDS:
        if is_kind(plain) or is_kind(plain.__call__):
            return kind
    return "function"


def _managed(function: Any) -> tuple[Callable[[Any], Any], Any] | None:
    """Of what contextlib has made of a generator function: the decorator that makes it, and that function."""
    plain = function.__func__ if inspect.ismethod(function) else function
    generator = getattr(plain, "__wrapped__", None)
    if generator is None or getattr(plain, "__globals__", None) is not vars(contextlib):
        return None
    make = contextlib.asynccontextmanager if inspect.isasyncgenfunction(generator) else contextlib.contextmanager
    return make, MethodType(generator, function.__self__) if inspect.ismethod(function) else generator


def wrapped(function: Any, fill: Fill) -> Any:
    """A wrapper of *function* of the same kind, that fills the parameters that are injected.

    Args:
        function: A function of any kind, or a classmethod or staticmethod object.
        fill: Makes what is entered around each call.

    Raises:
        TypeError: *function* is not a function.
        InjectionError: A parameter asks for a factory.
    """
    if isinstance(function, classmethod | staticmethod):
        return type(function)(wrapped(function.__func__, fill))
    managed = _managed(function)
    if managed is not None and fill is not FromCurrent:
        make, generator = managed
        return make(wrapped(generator, fill))  # Its run is to span the `with` block.
    kind = _kind_of(function, "inject")
    spec = function_spec(function)
    wrapper: Any = wraps(function)(_wrapper(function, kind, spec, fill))
    wrapper.__signature__ = spec.reading.public
    # Also where `wraps` has copied the mark of the function inside: it tells what the wrapper itself asks for.
    setattr(wrapper, MARK, spec if fill is FromCurrent else None)
    return wrapper


def _wrapper(function: Any, kind: Kind, spec: FunctionSpec, fill: Fill) -> Any:
    """The function that stands for *function*: around each call it is filled."""
    made: Any
    filled: Fill = fill

    def begin(given: tuple[Any, ...], named: Mapping[str, Any]) -> Filling:
        spec.prepare(given, named)
        made.__signature__ = spec.reading.public
        return filled(spec, given, named)

    made = _WRAPPERS[kind](function, begin)
    # What is made in a script or notebook may be sent by cloudpickle: not with objects in its code.
    is_sent = getattr(unbound(function), "__module__", None) == "__main__"
    if fill is FromCurrent and kind in KINDS and spec.is_final and spec.reading.wishes and not is_sent:
        specialised = Specialised(function, kind, spec, made)
        made, filled = specialised.wrapper, partial(FromCurrent, specialised=specialised)
    return made


_Begin = Callable[[tuple[Any, ...], Mapping[str, Any]], Filling]


def _plain(function: Any, begin: _Begin) -> Any:
    def plain(*given: Any, **named: Any) -> Any:
        with begin(given, named) as filling:
            args, kwargs = filling.arguments()
            return filling.returned(function(*args, **kwargs))

    return plain


def _coroutine(function: Any, begin: _Begin) -> Any:
    async def coroutine(*given: Any, **named: Any) -> Any:
        async with begin(given, named) as filling:
            args, kwargs = await filling.aarguments()
            return await function(*args, **kwargs)

    return coroutine


def _generator(function: Any, begin: _Begin) -> Any:
    def generator(*given: Any, **named: Any) -> Any:
        with begin(given, named) as filling:
            args, kwargs = filling.arguments()
            return (yield from _stepped(function(*args, **kwargs), filling))

    return generator


def _async_generator(function: Any, begin: _Begin) -> Any:
    async def async_generator(*given: Any, **named: Any) -> Any:
        async with begin(given, named) as filling:
            args, kwargs = await filling.aarguments()
            generator = function(*args, **kwargs)
            resume, payload = generator.asend, None
            while True:  # An async `yield from`, which Python lacks.
                try:
                    item, payload = await resume(payload), None
                except StopAsyncIteration:
                    return
                filling.suspend()
                try:
                    resume, payload = generator.asend, (yield item)
                except BaseException as error:
                    resume, payload = generator.athrow, error
                filling.resume()

    return async_generator


_WRAPPERS: Final[Mapping[Kind, Callable[[Any, _Begin], Any]]] = {
    "function": _plain,
    "coroutine function": _coroutine,
    "generator function": _generator,
    "async generator function": _async_generator,
}


def _stepped(generator: Generator[Any, Any, Any], filling: Filling) -> Generator[Any, Any, Any]:
    """``yield from``, with *filling* stepping aside at each yield."""
    resume = partial(generator.send, None)
    while True:
        try:
            item = resume()
        except StopIteration as stop:
            return stop.value
        filling.suspend()
        try:
            resume = partial(generator.send, (yield item))
        except BaseException as error:
            resume = partial(generator.throw, error)
        filling.resume()


def called(function: Callable[..., Any], fill: Fill, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a sync function, filled.

    Raises:
        TypeError: It is not a function.
        RunStateError: It is of another kind.
    """
    kind = _kind_of(function, "call")
    spec = function_spec(function)
    if kind == "coroutine function":
        raise RunStateError(f"{spec.name} is async: use `await container.acall(...)`")
    _refuse_generators(function, spec, kind)
    spec.prepare(args, kwargs)
    with fill(spec, args, kwargs) as filling:
        given, named = filling.arguments()
        return filling.returned(function(*given, **named))


async def acalled(function: Callable[..., Any], fill: Fill, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a sync or async function, filled, and await what it gives.

    Raises:
        TypeError: It is not a function.
        RunStateError: It is of another kind.
    """
    kind = _kind_of(function, "acall")
    spec = function_spec(function)
    _refuse_generators(function, spec, kind)
    spec.prepare(args, kwargs)
    async with fill(spec, args, kwargs) as filling:
        given, named = await filling.aarguments()
        done = function(*given, **named)
        return await done if inspect.isawaitable(done) else done


def _refuse_generators(function: Any, spec: FunctionSpec, kind: Kind) -> None:
    """Refuse what goes on when the call has ended, and its run with it."""
    if _managed(function) is not None:
        raise RunStateError(f"{spec.name} gives a context manager: decorate it with `container.inject`")
    if kind.endswith("generator function"):
        raise RunStateError(f"{spec.name} is {with_article(kind)}: decorate it with `container.inject`")
