"""What a container instance can do: the public methods of `ResourceContainer`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.base.errors import NoActiveRunError, RunStateError, UnknownKeyError, kind_in_words
from resourcekit.container.inspection_methods import Inspected
from resourcekit.run.active_overrides import effective, in_force
from resourcekit.run.cache_epoch import Kept, keep, latest
from resourcekit.run.current import CURRENT

if TYPE_CHECKING:  # What only a run needs is loaded by who first opens one, or asks for a plan.
    from resourcekit.config.overlay import Config, Overlay
    from resourcekit.container.state import Assembly
    from resourcekit.lifecycle.report import Listener
    from resourcekit.run.app import App
    from resourcekit.run.run import Run

__all__ = ("Operations", "operations")

R = TypeVar("R")
T = TypeVar("T")


class Operations(Inspected):
    """The methods of a container instance; `ResourceContainer` shows them to type checkers and readers."""

    if TYPE_CHECKING:
        _assembly: Assembly
        _entered: list[App]
        _kept: Kept
        _plain_runs: Kept

        def _derive(self, changes: Mapping[str, object], overlay: Overlay | None) -> Self: ...

    def run(
        self,
        *keys: str,
        config: Config | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        concurrent: bool = False,
        report: bool = False,
    ) -> Run[Self]:
        """A run: every resource set up in order on entering, torn down on leaving.

        Args:
            *keys: The resources wanted, with what they need; none means all. Dotted for a nested container's.
            config: An overlay for this run: a mapping, or the path of a TOML, JSON or YAML file.
            tags: Words of yours for the run; hooks and the report see them.
            run_id: The run's identifier; made up when it is not given.
            concurrent: Set a resource up as soon as what it needs is up, beside others: blocking set-up hooks in
                threads, async ones in tasks. Generators and context managers, and classes with ``threads=False``,
                stay in the run's own thread and task. Teardown is in reverse plan order all the same.
            report: Time every phase for ``run.report``; a listener has the same effect.

        Returns:
            A context manager, for ``with`` and ``async with``, that gives the live resources.

        Raises:
            TypeError: An argument is of the wrong type.
            UnknownKeyError: On entering: a key is not in the container.
            PlanError | ConfigError | PreflightError: On entering: something is wrong; nothing was opened.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> with App().run("clock", config={"clock": {"zone": "CET"}}) as resources:
        ...     resources.clock.zone
        'CET'
        """
        if config is None and tags is None and run_id is None and concurrent is False and report is False:
            try:
                make = self._plain_runs.objects.get(keys)
            except TypeError:  # These are no keys: opening it tells.
                make = None
            plain: Run[Self] = self._plain_run(keys) if make is None else make()
            return plain
        blueprint = self._blueprint()
        return blueprint.run(keys or None, config, tags=tags, run_id=run_id, is_timed=report, is_concurrent=concurrent)

    def _plain_run(self, keys: tuple[str, ...]) -> Run[Self]:
        seen, here = latest(), in_force()
        try:
            kept = {} if here is None else here.plain_runs  # Another thread may override everywhere meanwhile.
            known = kept.get((self, keys))
            if known is not None and known[0] is seen:
                plain: Run[Self] = known[1]()
                return plain
            container = effective(self)
            blueprint = container._assembly.blueprint()
            make: Callable[[], Run[Self]] = blueprint.plain_run(keys or None)
        except TypeError:
            blueprint = self._blueprint()
            return blueprint.run(keys, None, tags=None, run_id=None, is_timed=False, is_concurrent=False)
        if not container._assembly.is_watched:
            if container is self:
                keep(self._plain_runs, [(keys, make)], seen)
            else:
                kept[self, keys] = (seen, make)
        return make()

    @overload
    def get(self, key: str, /) -> Any: ...
    @overload
    def get(self, key: type[T], /) -> T: ...
    @overload
    def get(self, key: Callable[..., T], /) -> T: ...
    def get(self, key: Any, /) -> Any:
        """The live object of the current run of this container, else of its app scope.

        Args:
            key: A key, or the type of what users receive, if one key only is of that type. By its key a provider of
                dependency-injector's is given as it is; by the type of what it makes, that.

        Raises:
            NoActiveRunError: No run of this container is open here and it is not started, or not with that key.
            UnknownKeyError: There is no such key.
            InjectionError: No key, or several, are of the type.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource, scope="app"):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> with App() as app:
        ...     app.get(Clock).zone
        'UTC'
        """
        if CURRENT.get() is None:
            try:
                return self._kept.objects[key]
            except (KeyError, TypeError):  # It is to be looked up first, or is nothing to be asked for.
                pass
        return self._found(key)

    def _found(self, asked: Any) -> Any:
        """What *asked* for is there; kept, where it is the app's, for the next time."""
        seen, key = latest(), asked
        blueprint = self._blueprint()
        if not isinstance(key, str):
            from resourcekit.injection.matching import key_of_type

            key = key_of_type(key, blueprint)
        elif key not in blueprint.graph.keys:
            raise UnknownKeyError(key, blueprint.name, blueprint.graph.keys)
        for session in blueprint.runs():
            is_there, found = session._exposed(key)
            if is_there and key is not asked and is_deferred(found):
                return _made(found, key)  # Who asks by type gets that, not the provider that makes it.
            if is_there:
                if CURRENT.get() is None:
                    keep(self._kept, [(asked, found)], seen)
                return found
        raise NoActiveRunError(key, blueprint.name)

    def call(self, function: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
        """Call a function in a run of its own, with the resources it asks for.

        Args:
            function: A function; what it asks for is what `inject` would fill.
            *args: Its other arguments, by position.
            **kwargs: Its other arguments, by name; a resource given here wins.

        Returns:
            What the function returns.

        Raises:
            TypeError: It is no function.
            InjectionError: It asks for what is not there.
            RunStateError: It is async: use `acall`. Or it is a generator function.
            PlanError | ConfigError | PreflightError: Something is wrong; nothing was opened.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> def now(day: str, clock: Clock) -> str:
        ...     return f"{day} in {clock.zone}"
        >>> App().call(now, "monday")
        'monday in UTC'
        """
        from resourcekit.injection.filling import per_call
        from resourcekit.injection.wrappers import called

        result: R = called(function, per_call(self._blueprint), args, kwargs)
        return result

    # Where a function's parameters are not known, as those of an injected one, mypy looks at every overload that fits,
    # and takes Any unless they agree: so the second fits what is awaited too, with the same result.
    @overload
    async def acall(self, function: Callable[..., Awaitable[R]], /, *args: Any, **kwargs: Any) -> R: ...
    @overload
    async def acall(self, function: Callable[..., Awaitable[R] | R], /, *args: Any, **kwargs: Any) -> R: ...
    async def acall(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """`call` in an async run: for async functions, and for sync ones with async resources.

        Args:
            function: A function or coroutine function.
            *args: Its other arguments, by position.
            **kwargs: Its other arguments, by name.

        Returns:
            What the function returns, awaited.

        Raises:
            InjectionError: It asks for what is not there.
            PlanError | ConfigError | PreflightError: Something is wrong; nothing was opened.

        >>> import anyio
        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> async def now(day: str, clock: Clock) -> str:
        ...     return f"{day} in {clock.zone}"
        >>> anyio.run(App().acall, now, "monday")
        'monday in UTC'
        """
        from resourcekit.injection.filling import per_call
        from resourcekit.injection.wrappers import acalled

        return await acalled(function, per_call(self._blueprint), args, kwargs)

    def inject(self, function: Callable[..., R], /) -> Callable[..., R]:
        """A function whose every call opens a run with exactly what it asks for.

        Args:
            function: A function of any kind; a web framework sees its signature without the injected parameters.

        Returns:
            A function of the same kind.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> app = App()
        >>> @app.inject
        ... def now(day: str, clock: Clock) -> str:
        ...     return f"{day} in {clock.zone}"
        >>> now("monday")
        'monday in UTC'
        """
        from resourcekit.injection.filling import per_call
        from resourcekit.injection.wrappers import wrapped

        wrapper: Callable[..., R] = wrapped(function, per_call(self._blueprint))
        return wrapper

    def with_config(self, config: Config) -> Self:
        """A container like this one with an overlay over its declarations; this one stays as it is.

        The overlay does not apply to what overrides a key: a key that is overridden by now is an error on entering a
        run, one that is overridden later keeps what overrides it.

        Args:
            config: A mapping of keys to fields, or the path of a TOML, JSON or YAML file.

        Returns:
            A new container, not started.

        Raises:
            OverlayFileError: The file cannot be read, or is malformed.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> with App().with_config({"clock": {"zone": "CET"}}).run() as resources:
        ...     resources.clock.zone
        'CET'
        """
        from resourcekit.config.overlay import Overlay

        derived: Self = effective(self)._derive({}, Overlay.of(config, "with_config(...)"))
        return derived

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell *listener* of every event of this container's runs: typed, in order, while it happens.

        Args:
            listener: Called with a `RunEvent` or a `PhaseEvent`; one that raises is logged, the run goes on.

        Returns:
            A function that ends it.

        Raises:
            TypeError: It is not callable.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class App(ResourceContainer): ...
        >>> app = App()
        >>> stop = app.listen(lambda event: print(event.status))
        >>> with app.run():
        ...     pass
        opened
        success
        >>> stop()
        """
        if not callable(listener):
            raise TypeError(f"listen() wants a function that takes an event, not {kind_in_words(listener)}")
        listeners = self._assembly.listeners
        listeners.append(listener)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return stop

    def start(self, *, concurrent: bool | None = None) -> Self:
        """Start the app-scoped resources without ``with``: for notebooks. Call `close` afterwards.

        Args:
            concurrent: Whether to start each as soon as what it needs is up, as in ``run(concurrent=True)``; None: as
                the class keyword ``concurrent`` says.

        Returns:
            This container.

        Raises:
            PlanError | ConfigError | PreflightError: Something in the whole container is wrong; nothing was opened.
            SetupError: Several hooks of a concurrent start failed; a single error surfaces as itself.
            HookTimeoutError: A hook, or the whole start, took longer than the class keywords allow.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource, scope="app"):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> app = App().start()
        >>> app.get(Clock).zone
        'UTC'
        >>> app.close()
        """
        assembly: Assembly = effective(self)._assembly
        assembly.app.enter(assembly.blueprint(), concurrent)
        self._entered.append(assembly.app)
        return self

    def close(self) -> None:
        """Tear down what `start` started.

        Raises:
            TeardownError: Teardown hooks failed; every one has run.
            RunStateError: The container is not started.

        >>> from resourcekit import ResourceContainer
        >>> class App(ResourceContainer): ...
        >>> App().close()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        resourcekit.base.errors.RunStateError: this container is not started; use `with container:`, or ...
        """
        self._leaving().leave(None)

    async def astart(self, *, concurrent: bool | None = None) -> Self:
        """`start` for async resources. Call `aclose` afterwards.

        Args:
            concurrent: As for `start`.

        Returns:
            This container.

        Raises:
            PlanError | ConfigError | PreflightError: Something in the whole container is wrong; nothing was opened.

        >>> import anyio
        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource, scope="app"):
        ...     async def setup_for_execution(self):
        ...         self._zone = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> async def main():
        ...     app = await App().astart()
        ...     print(app.get(Clock)._zone)
        ...     await app.aclose()
        >>> anyio.run(main)
        UTC
        """
        assembly: Assembly = effective(self)._assembly
        await assembly.app.aenter(assembly.blueprint(), concurrent)
        self._entered.append(assembly.app)
        return self

    async def aclose(self) -> None:
        """`close` for async resources.

        Raises:
            TeardownError: Teardown hooks failed; every one has run.
            RunStateError: The container is not started.

        >>> import anyio
        >>> from resourcekit import ResourceContainer
        >>> class App(ResourceContainer): ...
        >>> async def main():
        ...     app = await App().astart()
        ...     await app.aclose()
        >>> anyio.run(main)
        """
        await self._leaving().aleave(None)

    def _leaving(self) -> App:
        app: App = effective(self)._assembly.app
        if not self._entered:
            if app.session is None:
                raise RunStateError("this container is not started; use `with container:`, or container.start()")
            return app  # Ctrl-C came when it was started, and before that was noted.
        # An override may be on here, or may have ended: leave what stands for the container here, else the last.
        leaving = app if app in self._entered else self._entered[-1]
        self._entered.remove(leaving)
        return leaving

    def _lets_pass(self, error: BaseException | None) -> bool:
        """Whether it is left already, and *error* is on its way, which an error of ours would hide."""
        return error is not None and not self._entered and effective(self)._assembly.app.session is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._lets_pass(error):
            self._leaving().leave(error)

    async def __aenter__(self) -> Self:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._lets_pass(error):
            await self._leaving().aleave(error)


def _made(provider: Any, key: str) -> Any:
    """What a provider gives.

    Raises:
        RunStateError: It must be awaited.
    """
    made = provider()
    if inspect.isawaitable(made):
        raise RunStateError(f"the provider for {key!r} gave an awaitable: write `await container.get({key!r})()`")
    return made


def operations() -> dict[str, Any]:
    """The public methods of a container instance, by name."""
    return {name: each for cls in (Inspected, Operations) for name, each in vars(cls).items() if name[0] != "_"}
