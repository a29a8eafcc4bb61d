"""The arguments that are injected into one call: from the current run, or from a run of its own."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Self

from resourcekit.base.errors import InjectionError, NoActiveRunError, RunStateError
from resourcekit.injection.function import FunctionSpec, KnownCall
from resourcekit.injection.matching import check_value, held_at, key_for, no_key, wants_provider
from resourcekit.injection.reading import Wish
from resourcekit.injection.specialised import Specialised
from resourcekit.planning.nodes import Held
from resourcekit.run.app import open_runs
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.cache_epoch import keep, latest
from resourcekit.run.container_runs import ContainerBlueprint
from resourcekit.run.current import CURRENT
from resourcekit.run.run import Run
from resourcekit.run.session import Session

__all__ = ("Fill", "Filling", "FromCurrent", "PerCall", "per_call")


class Filling(ABC):
    """Around one call: gives its arguments, and steps aside while a generator rests.

    Args:
        spec: The function's.
        given: The caller's arguments by position.
        named: The caller's arguments by name; they win.
    """

    _run: Run[Any] | None = None

    def __init__(self, spec: FunctionSpec, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self._spec = spec
        self._given = given
        self._named = named

    @abstractmethod
    def arguments(self) -> tuple[Any, Mapping[str, Any]]:
        """The arguments of the call, by position and by name.

        Raises:
            InjectionError: A parameter cannot be filled.
            RunStateError: A provider gave what must be awaited.
        """

    async def aarguments(self) -> tuple[Any, Mapping[str, Any]]:
        """`arguments`, where what a provider gave is awaited if it must be."""
        return self.arguments()

    def returned(self, result: Any) -> Any:
        """What the call of a sync function gives: where it had a run of its own, nothing that still needs the run.

        Raises:
            RunStateError: It is a coroutine, or a context manager made of a generator function.
        """
        if self._run is None:
            return result
        if self._spec.wraps_generator and isinstance(result, AbstractContextManager | AbstractAsyncContextManager):
            raise RunStateError(
                f"{self._spec.name}() gave a context manager, to be entered when its run has ended; "
                "put the container's inject directly above @contextmanager"
            )
        if not inspect.iscoroutine(result):
            return result
        result.close()
        raise RunStateError(
            f"{self._spec.name}() is sync, and gave a coroutine, to be awaited when its run has ended; "
            "make it `async def`, or use `await container.acall(...)`"
        )

    def suspend(self) -> None:
        """A generator yields: the run of its own that it has is not the current one of its caller."""
        if self._run is not None:
            self._run._suspend()

    def resume(self) -> None:
        """The generator goes on."""
        if self._run is not None:
            self._run._resume()

    def __enter__(self) -> Self:
        if self._run is not None:
            self._run.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run, self._run = self._run, None  # Its report has the error, whose traceback has the frame that has this.
        if run is not None:
            run.__exit__(kind, error, trace)

    async def __aenter__(self) -> Self:
        if self._run is not None:
            await self._run.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run, self._run = self._run, None
        if run is not None:
            await run.__aexit__(kind, error, trace)


class Collecting(Filling):
    """A filling that looks for what each parameter asks for."""

    def __init__(self, spec: FunctionSpec, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        super().__init__(spec, given, named)
        self._extra: dict[str, Any] = {}
        self._made: list[Wish] = []
        self._unsure: list[Wish] = []

    @abstractmethod
    def _source(self, wish: Wish) -> tuple[Held, Any] | None:
        """What fills *wish*, live, or the provider that gives it; None to leave it to its default."""

    def arguments(self) -> tuple[Any, Mapping[str, Any]]:
        """What was found, and the caller's own."""
        self._collect()
        for wish in self._made:
            made = self._extra[wish.name]
            if inspect.isawaitable(made):
                if inspect.iscoroutine(made):
                    made.close()  # Nobody will await it.
                raise RunStateError(
                    f"{self._spec.name}() is sync, and the provider for {wish.name!r} gave an awaitable"
                )
        return self._arranged()

    async def aarguments(self) -> tuple[Any, Mapping[str, Any]]:
        """The same, awaited."""
        self._collect()
        for wish in self._made:
            made = self._extra[wish.name]
            self._extra[wish.name] = await made if inspect.isawaitable(made) else made
        return self._arranged()

    def _collect(self) -> None:
        for wish in self._spec.wishes(self._named):
            source = self._source(wish)
            if source is None:
                self._extra[wish.name] = wish.default
                continue
            held, content = source
            if wants_provider(wish, held):
                self._extra[wish.name] = content
                continue
            if held.kind == "provider":
                content = content()
                self._made.append(wish)
            self._extra[wish.name] = content
            if held.offers is Any:
                self._unsure.append(wish)

    def _arranged(self) -> tuple[Any, Mapping[str, Any]]:
        for wish in self._unsure:
            check_value(self._spec.name, wish, self._extra[wish.name])
        return self._spec.arrange(self._given, self._named, self._extra)


Fill = Callable[[FunctionSpec, tuple[Any, ...], Mapping[str, Any]], Filling]


class FromCurrent(Collecting):
    """Fills from the current run or those around it, else from the started apps: the way of the bare `inject`.

    The first that has a key for a parameter decides: another type under its name is an error.

    Args:
        spec: The function's.
        given: The caller's arguments by position.
        named: The caller's arguments by name; they win.
        specialised: The wrapper that calls, where it can learn from this call how to do it by itself.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        given: tuple[Any, ...],
        named: Mapping[str, Any],
        specialised: Specialised | None = None,
    ) -> None:
        super().__init__(spec, given, named)
        self._specialised = specialised
        self._change = latest()
        self._found: list[tuple[Session, str]] = []
        self._sessions: list[tuple[Session, dict[str, str | None]]] = []
        self._others = open_runs()  # The first has what is wanted, as a rule.

    def _arranged(self) -> tuple[Any, Mapping[str, Any]]:
        arranged = super()._arranged()
        specialised, reading = self._specialised, self._spec.reading
        if specialised is not None and not self._made and specialised.is_for(reading, self._extra):
            if CURRENT.get() is None:
                keep(specialised, [self._extra[wish.name] for wish in reading.wishes], self._change)
            elif not self._unsure and len(self._found) == len(reading.wishes):
                specialised.learn(self._found, self._change)
        return arranged

    def _source(self, wish: Wish) -> tuple[Held, Any] | None:
        asleep: InjectionError | None = None
        for session, known in self._each():
            key = known[wish.name] if wish.name in known else key_for(self._spec, wish, session._blueprint)
            if key is None:
                continue
            is_there, content = session._exposed(key)
            if is_there:
                self._found.append((session, key))
                return held_at(session._blueprint, key), content
            asleep = asleep or _not_live(self._spec.name, wish, session, key)
        if wish.is_optional:
            return None
        if not self._sessions:
            raise NoActiveRunError(f"{self._spec.name}({wish.name})", "a container")
        raise asleep or no_key(self._spec.name, wish, self._sessions[0][0]._blueprint)

    def _each(self) -> Iterator[tuple[Session, dict[str, str | None]]]:
        """The runs and apps that are open here, with what is known of their keys."""
        yield from self._sessions
        for session in self._others:
            entry = (session, self._spec.keys.setdefault(session._blueprint, {}))
            self._sessions.append(entry)
            yield entry


def _not_live(function: str, wish: Wish, session: Session, key: str) -> InjectionError:
    live = ", ".join(name for name in session._keys if session._is_live(name)) or "none"
    where, hint = "this run of", f"open the run with run({key!r})"
    if not isinstance(session, Run):  # It is the app's.
        where = "the started"
        hint = f"open a run, `with container.run({key!r}):`, or decorate it with the container's own inject"
    reason = f"key {key!r} is not live in {where} {session._blueprint.name}, which has: {live}"
    return InjectionError(function, wish.name, reason, hint)


class PerCall(Collecting):
    """Opens a run for one call, of exactly what is asked for: the way of a container's `inject`, `call` and `acall`.

    What a function asks for that the bare `inject` made is opened too; that one takes it from the run.

    Args:
        spec: The function's.
        given: The caller's arguments by position.
        named: The caller's arguments by name; they win.
        blueprint: The container's.
        is_concurrent: Its resources are set up beside one another.

    Raises:
        InjectionError: The container lacks what is asked for.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        given: tuple[Any, ...],
        named: Mapping[str, Any],
        blueprint: ContainerBlueprint,
        is_concurrent: bool,
    ) -> None:
        super().__init__(spec, given, named)
        self._blueprint = blueprint
        self._keys = _keys_for(spec, named, blueprint)
        roots = dict.fromkeys(self._keys.values())
        for inside in spec.all_inside():
            inside.update()
            roots |= dict.fromkeys(_keys_for(inside, named, blueprint).values())
        self._roots = tuple(roots)
        self._is_concurrent = is_concurrent
        if is_concurrent:
            self._run = Run(blueprint, self._roots)
            self._run._configure((), None, None, is_timed=False, is_concurrent=True)
        else:
            self._run = blueprint.plain_run(self._roots)()

    def _source(self, wish: Wish) -> tuple[Held, Any] | None:
        key = self._keys.get(wish.name)
        if key is None or self._run is None:
            return None
        return held_at(self._blueprint, key), self._run._exposed(key)[1]

    def _arranged(self) -> tuple[Any, Mapping[str, Any]]:
        arranged = super()._arranged()
        if not (self._is_concurrent or self._made or self._unsure):
            self._spec.learn(self._blueprint, self._roots, self._keys)
        return arranged


class Repeated(Filling):
    """`PerCall` for a function that was called before in the same container: all is known by then.

    Args:
        spec: The function's.
        given: The caller's arguments by position.
        named: The caller's arguments by name; none is for what is injected.
        blueprint: The container's.
        known: What is known.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        given: tuple[Any, ...],
        named: Mapping[str, Any],
        blueprint: ContainerBlueprint,
        known: KnownCall,
    ) -> None:
        super().__init__(spec, given, named)
        self._known = known
        self._run = blueprint.plain_run(known.roots)()

    def arguments(self) -> tuple[Any, Mapping[str, Any]]:
        """What the run shows, and the caller's own."""
        known, view = self._known, None if self._run is None else self._run._view
        return self._spec.arrange(self._given, self._named, dict(zip(known.names, known.read(view), strict=True)))


def per_call(blueprint: Callable[[], ContainerBlueprint], *, is_concurrent: bool = False) -> Fill:
    """The `Fill` that opens a run for each call.

    Args:
        blueprint: Gives the container's, as it is at the time of a call.
        is_concurrent: Its resources are set up beside one another.
    """

    def fill(spec: FunctionSpec, given: tuple[Any, ...], named: Mapping[str, Any]) -> Filling:
        current = blueprint()
        known = None if is_concurrent else spec.known_call(current, named)
        if known is not None:
            return Repeated(spec, given, named, current, known)
        return PerCall(spec, given, named, current, is_concurrent)

    return fill


def _keys_for(spec: FunctionSpec, named: Mapping[str, Any], blueprint: Blueprint) -> dict[str, str]:
    """The key for each parameter that one fills."""
    found = {}
    for wish in spec.wishes(named):
        key = key_for(spec, wish, blueprint)
        if key is not None:
            found[wish.name] = key
        elif not wish.is_optional:
            raise no_key(spec.name, wish, blueprint)
    return found
