"""What is known of a function that is injected: read when it is decorated, and again when more can be known."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final
from weakref import ReferenceType, WeakKeyDictionary, ref

import attrs

from resourcekit.base.errors import InjectionError
from resourcekit.injection.reading import Wish, read_signature
from resourcekit.injection.signature_names import Annotations, names_of
from resourcekit.injection.uninjected import missing_argument
from resourcekit.run.blueprint import Blueprint

__all__ = ("MARK", "FunctionSpec", "KnownCall", "function_spec", "read_keys", "unbound")

MARK: Final = "__resourcekit_injection__"
"""Where a function that the bare `inject` made keeps its `FunctionSpec`."""


@attrs.frozen(eq=False)
class KnownCall:
    """What calling a function in a run of its own takes, in one container.

    Args:
        blueprint: The container's.
        roots: The keys of the run.
        names: The injected parameters.
        read: Gives what is injected into them, off the view of the run.
    """

    blueprint: ReferenceType[Blueprint]
    roots: tuple[str, ...]
    names: tuple[str, ...]
    read: Callable[[Any], tuple[Any, ...]]


class FunctionSpec:
    """What is known of a function that is injected; it does not hold the function itself.

    Args:
        function: The function.

    Raises:
        InjectionError: A parameter asks for a factory, not for what it vends.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        plain = unbound(function)
        self.name: str = getattr(plain, "__qualname__", type(plain).__qualname__)
        self.signature = _signature_of(function)
        self.inside = _inside(plain)
        self.wraps_generator = _is_generator(inspect.unwrap(plain)) and not _is_generator(plain)
        self.keys: WeakKeyDictionary[Blueprint, dict[str, str | None]] = WeakKeyDictionary()
        self._annotations = Annotations(self.signature, *names_of(plain))
        self._bound = frozenset(function.keywords) if isinstance(function, functools.partial) else frozenset()
        self._read()

    def __getstate__(self) -> dict[str, Any]:
        """All but what is kept of containers, for cloudpickle, which sends the closures of a wrapper."""
        return {**self.__dict__, "keys": None, "_known_call": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.keys = WeakKeyDictionary()

    def _read(self) -> None:
        self.reading = read_signature(self.name, self.signature, self._annotations, self._bound)
        self.keys.clear()
        self._known_call: KnownCall | None = None

    @property
    def is_final(self) -> bool:
        """Whether every annotation is resolved."""
        return not self._annotations.unresolved

    @property
    def unresolved(self) -> Mapping[str, str]:
        """The parameters whose annotations cannot be resolved yet, each with the reason."""
        return self._annotations.unresolved

    def annotation(self, name: str) -> Any:
        """The annotation of a parameter or of "return"; ``Parameter.empty`` where there is none, or none resolved."""
        return self._annotations[name]

    def all_inside(self) -> Iterator[FunctionSpec]:
        """The specs of the functions that the bare `inject` made and this one, or one of them, stands around."""
        inside = self.inside
        while inside is not None:
            yield inside
            inside = inside.inside

    def learn(self, blueprint: Blueprint, roots: tuple[str, ...], keys: Mapping[str, str]) -> None:
        """Keep what a call has shown, unless another may differ: not everything is injected, or annotations are due.

        Args:
            blueprint: The container's.
            roots: The keys of the run.
            keys: The key for each parameter that was injected.
        """
        is_final = self.is_final and all(inside.is_final for inside in self.all_inside())
        if is_final and keys and len(keys) == len(self.reading.wishes):
            self._known_call = KnownCall(ref(blueprint), roots, tuple(keys), read_keys(tuple(keys.values())))

    def known_call(self, blueprint: Blueprint, named: Collection[str]) -> KnownCall | None:
        """What is known of a call in a container, None where the caller gives what is injected, or nothing is known."""
        known = self._known_call
        if known is None or known.blueprint() is not blueprint or (named and any(map(named.__contains__, known.names))):
            return None
        return known

    def wishes(self, named: Collection[str]) -> Iterator[Wish]:
        """What is asked for, less the arguments *named* by the caller."""
        return (wish for wish in self.reading.wishes if wish.name not in named)

    def update(self) -> None:
        """Read the signature again if a name in it has been defined since."""
        if self._annotations.are_due:
            self._annotations.resolve()
            self._read()

    def prepare(self, given: Sequence[Any], named: Collection[str]) -> None:
        """Be up to date for one call.

        Args:
            given: The caller's arguments by position.
            named: The names of the caller's other arguments.

        Raises:
            InjectionError: An argument is missing, and nobody can tell whether it is to be injected.
            TypeError: An argument of the caller's is missing that might have been thought to be injected.
        """
        self.update()
        if not self._absent(given, named):
            return
        self._read()  # A factory that vends the parameter's type may have been defined since.
        for name in self._absent(given, named):
            reason = self._annotations.unresolved.get(name)
            if reason is not None:
                hint = "import the name at run time, not under TYPE_CHECKING alone, or give it the default injected()"
                raise InjectionError(self.name, name, f"its annotation cannot be resolved, {reason}", hint)
            is_keyword = self.signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
            raise missing_argument(self.name, name, self.annotation(name), is_keyword=is_keyword)

    def _absent(self, given: Sequence[Any], named: Collection[str]) -> list[str]:
        """The doubtful parameters that the caller leaves out."""
        doubtful = self.reading.doubtful
        return [name for name in doubtful if name not in named and doubtful[name] >= len(given)]

    def arrange(
        self, given: tuple[Any, ...], named: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments of a call: what the caller gave, and *extra* for the injected parameters.

        Raises:
            TypeError: The caller's arguments do not fit the public signature.
        """
        if len(given) <= self.reading.lead:
            return given, {**named, **extra}
        # An injected parameter stands between others: bind by name, then call in the function's own order.
        asked = {wish.name for wish in self.reading.wishes}
        filled = {**extra, **{name: value for name, value in named.items() if name in asked}}
        try:
            bound = self.reading.public.bind(*given, **{k: v for k, v in named.items() if k not in asked})
        except TypeError as error:
            advice = f"injected, and given by keyword only: {', '.join(sorted(asked))}"
            raise TypeError(f"{self.name}(): {error}; {advice}") from None
        bound.apply_defaults()
        values = {**bound.arguments, **filled}
        ordered = {name: values[name] for name in self.signature.parameters}
        whole = inspect.BoundArguments(self.signature, ordered)
        return whole.args, whole.kwargs


def read_keys(keys: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the objects of *keys*, off the view of a run."""
    several = attrgetter(*keys)
    return several if len(keys) > 1 else lambda view: (several(view),)


def unbound(function: Any) -> Any:
    """The function that a `functools.partial` calls; any other as it is."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _signature_of(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):  # Some functions written in C do not say.
        return inspect.signature(lambda *args, **kwargs: None)


def _is_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _inside(function: Any) -> FunctionSpec | None:
    """The spec of a function that the bare `inject` made, also where another decorator is around it."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, FunctionSpec) else None


_KNOWN: Final[WeakKeyDictionary[Any, FunctionSpec]] = WeakKeyDictionary()
_KNOWN_METHODS: Final[WeakKeyDictionary[Any, FunctionSpec]] = WeakKeyDictionary()
"""By the method's function: bound, its signature is another."""


def function_spec(function: Callable[..., Any]) -> FunctionSpec:
    """The `FunctionSpec` of *function*, made once for a plain function or a method.

    Raises:
        InjectionError: A parameter asks for a factory, not for what it vends.
    """
    key: Any = function
    is_method = inspect.ismethod(key)
    if is_method:
        key = key.__func__
    if not inspect.isfunction(key):
        return FunctionSpec(function)
    specs = _KNOWN_METHODS if is_method else _KNOWN
    found = specs.get(key)
    if found is None:
        found = FunctionSpec(function)
        if found.is_final:  # Else it holds the names of a frame, and so perhaps the function itself.
            specs[key] = found
    return found
