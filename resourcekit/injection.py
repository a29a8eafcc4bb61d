"""What a function asks for, and giving it: `inject`, `injected`, `ResourceParam`."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import attrs

from resourcekit.annotations import accepts, build_validator, resource_classes, type_name, union_members
from resourcekit.deferred import ref
from resourcekit.errors import InjectionError, NoActiveRunError, did_you_mean
from resourcekit.frames import caller_frame
from resourcekit.graph import Graph
from resourcekit.resource import ConfigurableResourceFactory
from resourcekit.run import Blueprint, Run, Session, open_runs
from resourcekit.spec import RECORD

__all__ = ("PerCall", "ResourceParam", "Wish", "inject", "injected", "wishes_of", "wrapped")

T = TypeVar("T")
R = TypeVar("R")

if TYPE_CHECKING:
    ResourceParam = Annotated[T, "a resource"]
else:

    class ResourceParam:
        """A parameter that is filled with what a key holds, whatever its type: ``url: ResourceParam[str]``.

        Called, it is the guide's spelling of `ref`: ``ResourceParam("database")``.

        >>> ResourceParam("database")
        ref('database')
        """

        def __new__(cls, key):
            return ref(key)

        def __class_getitem__(cls, wanted):
            return Annotated[wanted, cls]


class _Injected:
    def __repr__(self) -> str:
        return "injected()"


_INJECTED: Final = _Injected()


def injected() -> Any:
    """The default of a parameter that is injected: it keeps the function's exact type for a type checker.

    Returns:
        A marker, typed Any.

    >>> @inject
    ... def report(day: str, greeting: str = injected()) -> str:
    ...     return f"{greeting} on {day}"
    >>> report("monday", greeting="hello")
    'hello on monday'
    """
    return _INJECTED


@attrs.frozen
class Wish:
    """What one parameter asks for.

    Args:
        name: The parameter.
        wanted: The type.
        is_optional: Whether it may be left to None or to its default.
        default: What it gets when there is none: its default, or None.
    """

    name: str
    wanted: object
    is_optional: bool
    default: object = None


@attrs.define
class Wishes:
    """What a function asks for: read from its signature, again as long as names in it are not defined yet."""

    function: Callable[..., Any]
    names: Mapping[str, object]
    found: tuple[Wish, ...] = ()
    is_final: bool = False

    def read(self) -> tuple[Wish, ...]:
        """The wishes, as far as the annotations can be read by now."""
        if not self.is_final:
            self.is_final = True
            vended = _vended_types()
            parameters = inspect.signature(self.function).parameters.values()
            wishes = (self._wish(parameter, vended) for parameter in parameters)
            self.found = tuple(wish for wish in wishes if wish is not None)
        return self.found

    def _wish(self, parameter: inspect.Parameter, vended: frozenset[object]) -> Wish | None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return None
        annotation = self._annotation(parameter)
        if annotation is parameter.empty and parameter.default is not _INJECTED:
            return None
        marked = ResourceParam in getattr(annotation, "__metadata__", ())
        members = [member for member in union_members(annotation) if member is not type(None)]
        asks = marked or parameter.default is _INJECTED or bool(resource_classes(annotation))
        if not asks and not any(member in vended for member in members if isinstance(member, type)):
            return None
        has_default = parameter.default is not parameter.empty and parameter.default is not _INJECTED
        optional = type(None) in union_members(annotation) or has_default
        wanted = Any if annotation is parameter.empty else annotation
        return Wish(parameter.name, wanted, optional, parameter.default if has_default else None)

    def _annotation(self, parameter: inspect.Parameter) -> Any:
        written = parameter.annotation
        if written is parameter.empty or isinstance(written, type):
            return written
        function: Any = inspect.unwrap(self.function)
        names = getattr(function, "__globals__", None) or vars(sys.modules.get(function.__module__, typing))
        holder = SimpleNamespace(__annotations__={"it": written})
        try:
            return typing.get_type_hints(holder, names, dict(self.names), include_extras=True)["it"]
        except (NameError, AttributeError):
            self.is_final = False  # The name may be defined by the time of a call.
        except (SyntaxError, TypeError):
            pass
        return parameter.empty


def _vended_types() -> frozenset[object]:
    """Every class that some factory vends, built-in ones aside: a `str` parameter is hardly ever a resource."""
    found = set()
    waiting: list[type] = [ConfigurableResourceFactory]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        vended = getattr(cls, RECORD).vended
        if isinstance(vended, type) and vended.__module__ != "builtins":
            found.add(vended)
    return frozenset(found)


def wishes_of(function: Callable[..., Any]) -> Wishes:
    """What *function* asks for."""
    frame = caller_frame()
    is_local = frame is not None and "<locals>" in getattr(function, "__qualname__", "")
    wishes = Wishes(function, dict(frame.f_locals) if is_local and frame is not None else {})
    wishes.read()
    return wishes


def key_for(function: Callable[..., Any], wish: Wish, graph: Graph) -> str | None:
    """The key that fills *wish*: by name, else by a unique type; None where there is none and none is needed.

    Raises:
        InjectionError: There is no such key, it is of another type, or several keys are of the type.
    """
    if wish.name in graph.keys:
        offers = graph.nodes[graph.keys[wish.name]].held.offers
        if offers is not Any and not accepts(wish.wanted, offers):
            reason = f"it wants {type_name(wish.wanted)}, the key holds {type_name(offers)}"
            hint = "rename the parameter, or change its annotation"
            raise InjectionError(_name(function), wish.name, reason, hint)
        return wish.name
    found = [key for key, index in graph.keys.items() if _fits(wish, graph.nodes[index].held.offers)]
    if len(found) == 1:
        return found[0]
    if wish.is_optional and not found:
        return None
    if not found:
        reason = f"there is no key {wish.name!r} and none of type {type_name(wish.wanted)}"
        raise InjectionError(_name(function), wish.name, reason, did_you_mean(wish.name, graph.keys))
    reason = f"there is no key {wish.name!r}, and {len(found)} keys are of type {type_name(wish.wanted)}"
    raise InjectionError(_name(function), wish.name, reason, f"name the parameter {' or '.join(sorted(found))}")


def _fits(wish: Wish, offers: Any) -> bool:
    return offers is not Any and wish.wanted is not Any and accepts(wish.wanted, offers)


def keys_for(function: Callable[..., Any], wishes: Iterable[Wish], graph: Graph) -> dict[str, str]:
    """The key for each parameter that one fills.

    Raises:
        InjectionError: As `key_for`.
    """
    found = {wish.name: key_for(function, wish, graph) for wish in wishes}
    return {name: key for name, key in found.items() if key is not None}


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))


def filled(function: Callable[..., Any], wishes: Iterable[Wish], sessions: Sequence[Session]) -> dict[str, Any]:
    """An argument for each wish, from the first of *sessions* that has it.

    Raises:
        NoActiveRunError: There is no session.
        InjectionError: None has it.
    """
    return {wish.name: _found(function, wish, sessions) for wish in wishes}


def _found(function: Callable[..., Any], wish: Wish, sessions: Sequence[Session]) -> Any:
    problem: InjectionError | None = None
    for session in sessions:
        try:
            key = key_for(function, wish, session.blueprint.graph)
        except InjectionError as error:
            problem = problem or error
            continue
        is_there, value = (False, None) if key is None else session.exposed(key)
        if is_there:
            return _checked(function, wish, value)
        if key is not None:
            chosen = ", ".join(session.keys) or "the app-scoped ones"
            hint = f"open the run with run({key!r})"
            problem = problem or InjectionError(
                _name(function), wish.name, f"key {key!r} is not live in this run, which has {chosen}", hint
            )
    if wish.is_optional:
        return wish.default
    if problem is None:
        raise NoActiveRunError(f"{_name(function)}({wish.name})", "a container")
    raise problem


def _checked(function: Callable[..., Any], wish: Wish, value: Any) -> Any:
    try:
        build_validator(wish.wanted)(None, None, value)
    except (TypeError, ValueError):
        pass
    else:
        return value
    reason = f"it wants {type_name(wish.wanted)}, the key holds a {type(value).__name__}"
    raise InjectionError(_name(function), wish.name, reason, "rename the parameter, or change its annotation")


class FromCurrent:
    """Fills a call from the current run, else from the started apps: the way of the bare `inject`."""

    session: Session | None = None

    def __init__(self, function: Callable[..., Any], wishes: Sequence[Wish]) -> None:
        self._function = function
        self._wishes = wishes

    def __enter__(self) -> dict[str, Any]:
        return filled(self._function, self._wishes, list(open_runs()))

    def __exit__(self, *_outcome: object) -> None:
        pass

    async def __aenter__(self) -> dict[str, Any]:
        return self.__enter__()

    async def __aexit__(self, *_outcome: object) -> None:
        pass


class PerCall:
    """Opens a run for one call, with exactly what the function asks for: the way of a container's `inject` and `call`.

    Args:
        function: The function.
        wishes: What it asks for, less what the caller gives.
        blueprint: The container's.
    """

    def __init__(self, function: Callable[..., Any], wishes: Sequence[Wish], blueprint: Blueprint) -> None:
        self._function = function
        self._wishes = wishes
        self._keys = keys_for(function, wishes, blueprint.graph)
        self.session: Run[Any] = Run(blueprint, tuple(dict.fromkeys(self._keys.values())))

    def __enter__(self) -> dict[str, Any]:
        self.session._open()
        return self._found()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.session._close(error)

    async def __aenter__(self) -> dict[str, Any]:
        await self.session._aopen()
        return self._found()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self.session._aclose(error)

    def _found(self) -> dict[str, Any]:
        return {
            wish.name: self.session.exposed(self._keys[wish.name])[1] if wish.name in self._keys else wish.default
            for wish in self._wishes
        }


Filling = FromCurrent | PerCall
Fill = Callable[[Callable[..., Any], Sequence[Wish]], Filling]


def wrapped(function: Any, fill: Fill) -> Any:
    """A wrapper of *function* of the same kind, that fills the parameters that are injected.

    Args:
        function: A function of any kind, or a classmethod or staticmethod object.
        fill: What is entered around a call, and gives the injected arguments.

    Raises:
        TypeError: *function* is not a function.
    """
    if isinstance(function, classmethod | staticmethod):
        return type(function)(wrapped(function.__func__, fill))
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"inject wants a function, not {type(function).__name__} {_name(function)}")
    wishes = wishes_of(function)
    wrapper: Any = functools.wraps(function)(_wrapper(function, wishes, fill))
    wrapper.__signature__ = public_signature(function, wishes.found)
    return wrapper


def _wrapper(function: Any, wishes: Wishes, fill: Fill) -> Any:
    def start(named: Mapping[str, Any]) -> Filling:
        return fill(function, [wish for wish in wishes.read() if wish.name not in named])

    def bound(given: tuple[Any, ...], named: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
        mine = {wish.name: named[wish.name] for wish in wishes.found if wish.name in named}
        return arguments(function, given, named, {**extra, **mine})

    if inspect.iscoroutinefunction(function):

        async def coroutine(*given: Any, **named: Any) -> Any:
            async with start(named) as extra:
                args, kwargs = bound(given, named, extra)
                return await function(*args, **kwargs)

        return coroutine

    if inspect.isasyncgenfunction(function):

        async def async_generator(*given: Any, **named: Any) -> Any:
            async with (filling := start(named)) as extra:
                args, kwargs = bound(given, named, extra)
                async with aclosing(_astepped(function(*args, **kwargs), filling.session)) as steps:
                    async for item in steps:
                        yield item

        return async_generator

    if inspect.isgeneratorfunction(function):

        def generator(*given: Any, **named: Any) -> Any:
            with (filling := start(named)) as extra:
                args, kwargs = bound(given, named, extra)
                return (yield from _stepped(function(*args, **kwargs), filling.session))

        return generator

    def plain(*given: Any, **named: Any) -> Any:
        with start(named) as extra:
            args, kwargs = bound(given, named, extra)
            return function(*args, **kwargs)

    return plain


def _stepped(generator: Any, session: Session | None) -> Any:
    """``yield from``, while the caller of a suspended generator does not see its run as the current one."""
    if session is None:
        return (yield from generator)
    resume, payload = generator.send, None
    while True:
        try:
            item = resume(payload)
        except StopIteration as stop:
            return stop.value
        session.leave_context()
        try:
            resume, payload = generator.send, (yield item)
        except GeneratorExit:
            session.enter_context()
            generator.close()
            raise
        except BaseException as error:
            resume, payload = generator.throw, error
        session.enter_context()


async def _astepped(generator: Any, session: Session | None) -> AsyncGenerator[Any, None]:
    """`_stepped` for an async generator."""
    async with aclosing(generator):
        async for item in generator:
            if session is not None:
                session.leave_context()
            try:
                yield item
            finally:
                if session is not None:
                    session.enter_context()


def public_signature(function: Callable[..., Any], wishes: Sequence[Wish]) -> inspect.Signature:
    """The signature that callers, and web frameworks, see: without the injected parameters."""
    signature = inspect.signature(function)
    hidden = {wish.name for wish in wishes}
    kept = [parameter for name, parameter in signature.parameters.items() if name not in hidden]
    return signature.replace(parameters=kept)


def arguments(
    function: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any], extra: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of a call: what the caller gave, and *extra* for the injected parameters."""
    signature = inspect.signature(function)
    hidden = set(extra)
    places = [
        parameter
        for name, parameter in signature.parameters.items()
        if name not in hidden and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    in_front = list(signature.parameters.values())[: len(places)]
    if in_front == places and not any(
        signature.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY for name in hidden
    ):
        return given, {**named, **extra}
    # An injected parameter stands between others: bind by name, then call in the function's own order.
    kept = [parameter for name, parameter in signature.parameters.items() if name not in hidden]
    bound = signature.replace(parameters=kept).bind(*given, **{k: v for k, v in named.items() if k not in hidden})
    whole = inspect.BoundArguments(signature, {})
    for name in signature.parameters:
        if name in bound.arguments or name in extra:
            whole.arguments[name] = extra[name] if name in extra else bound.arguments[name]
    return whole.args, whole.kwargs


def inject(function: Callable[..., R], /) -> Callable[..., R]:
    """Fill a function's resource parameters from the current run, else from the started app.

    Filled are parameters annotated with a resource class, with the type a factory vends, or with
    `ResourceParam`; and those whose default is `injected()`. By name, else by a unique type. What the caller
    gives, by keyword, wins.

    Args:
        function: A function, coroutine function, generator or async generator function, classmethod or
            staticmethod.

    Returns:
        A function of the same kind, whose signature leaves the injected parameters out.

    Raises:
        InjectionError: On a call: a resource is missing or of another type.
        NoActiveRunError: On a call: no run is open and no app is started.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Greeter(ConfigurableResource):
    ...     greeting: str = "hello"
    >>> class App(ResourceContainer):
    ...     greeter = Greeter()
    >>> @inject
    ... def greet(name: str, greeter: Greeter) -> str:
    ...     return f"{greeter.greeting} {name}"
    >>> with App().run():
    ...     greet("ada")
    'hello ada'
    """
    return typing.cast("Callable[..., R]", wrapped(function, FromCurrent))
