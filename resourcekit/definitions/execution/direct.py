"""Calling a step as the function it is: in tests, in notebooks, from other code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from copy import copy
from types import TracebackType
from typing import Any, Self

import attrs

from resourcekit.base.errors import InjectionError, RunStateError, did_you_mean
from resourcekit.container.declarative import ResourceContainer
from resourcekit.declarations.record import record_of
from resourcekit.declarations.values import is_resource
from resourcekit.definitions.execution.layers import Resources, layered
from resourcekit.definitions.model.asset_keys import AssetKey
from resourcekit.definitions.model.step_contexts import (
    AssetExecutionContext,
    ExecutionContext,
    OpExecutionContext,
    StepResources,
)
from resourcekit.definitions.model.steps import Step
from resourcekit.injection.filling import FromCurrent
from resourcekit.run.app import open_runs
from resourcekit.run.run import Run

__all__ = ("build_asset_context", "build_op_context", "call_directly")


@attrs.define(eq=False, kw_only=True, slots=False)
class _Built:
    """What makes a context usable outside an execution: it has a container, and a run of it while it is entered."""

    container: ResourceContainer
    step: str
    resources: StepResources
    received: dict[str, Any] = attrs.field(factory=dict, init=False, repr=False)  # A plain value may be a secret.
    _run: Run[Any] | None = attrs.field(default=None, init=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it was built with."""
        return self.container.plan().keys

    def open(self) -> Run[Any]:
        """The run to enter.

        Raises:
            RunStateError: It is entered already.
        """
        if self._run is not None:
            raise RunStateError("this context is entered already")
        self._run = self.container.run()
        return self._run

    def show(self, live: Any) -> None:
        """Have *live* resources, what the run gives."""
        self.received = {key: _value(getattr(live, key)) for key in self.keys}
        self.resources = StepResources("this context", self.received)

    def hide(self) -> None:
        """The run has ended."""
        self._run = None
        self.received = {}
        self.resources = _NotLive(self.keys)

    def __enter__(self) -> Self:
        self.show(self.open().__enter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._run is not None, "it was entered"
        try:
            self._run.__exit__(kind, error, trace)
        finally:
            self.hide()

    async def __aenter__(self) -> Self:
        self.show(await self.open().__aenter__())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._run is not None, "it was entered"
        try:
            await self._run.__aexit__(kind, error, trace)
        finally:
            self.hide()

    @property
    def is_entered(self) -> bool:
        """Whether its resources are live."""
        return self._run is not None


def _value(held: Any) -> Any:
    return held() if getattr(type(held), "__IS_PROVIDER__", False) else held


def _held_here(key: str) -> Iterator[Any]:
    """What the runs and apps that are open here have under a key, the innermost first; a provider as itself."""
    found = (session._exposed(key) for session in open_runs())
    return (content for is_there, content in found if is_there)


class _NotLive(StepResources):
    """What a built context has for resources as long as it is not entered."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__("this context", {})
        self._keys = keys

    def __getattr__(self, key: str) -> Any:
        if key in self.__dict__.get("_keys", ()):
            raise RunStateError(f"resource {key!r} is not live: use the context in `with`, or call a step with it")
        return super().__getattr__(key)


@attrs.define(eq=False, kw_only=True, slots=False)
class BuiltAssetContext(_Built, AssetExecutionContext):
    """What `build_asset_context` gives."""


@attrs.define(eq=False, kw_only=True, slots=False)
class BuiltOpContext(_Built, OpExecutionContext):
    """What `build_op_context` gives."""


def build_asset_context(
    *,
    resources: Resources | None = None,
    asset_key: str | AssetKey = "asset",
    run_id: str = "",
    tags: Mapping[str, str] | None = None,
) -> BuiltAssetContext:
    """A context to call an asset with directly, in a test.

    Args:
        resources: A dict or container with what the asset asks for. They are set up for the call, or for the
            ``with`` block that the context is used in, for several calls.
        asset_key: What ``context.asset_key`` is outside a call; in one it is the asset's.
        run_id: What ``context.run_id`` is.
        tags: What ``context.tags`` are.

    Returns:
        A context, and context manager.

    >>> from resourcekit import ResourceParam, asset
    >>> @asset
    ... def greeting(context: AssetExecutionContext, word: ResourceParam[str]) -> str:
    ...     return f"{word} from {context.asset_key}"
    >>> greeting(build_asset_context(resources={"word": "hello"}))
    'hello from greeting'
    """
    key = asset_key if isinstance(asset_key, AssetKey) else AssetKey.from_user_string(asset_key)
    container = layered([("resources", resources)]).container
    return BuiltAssetContext(
        step=str(key),
        asset_key=key,
        run_id=run_id,
        tags=dict(tags or {}),
        container=container,
        resources=_NotLive(container.plan().keys),
    )


def build_op_context(
    *, resources: Resources | None = None, run_id: str = "", tags: Mapping[str, str] | None = None
) -> BuiltOpContext:
    """A context to call an op with directly, in a test.

    Args:
        resources: A dict or container with what the op asks for, as for `build_asset_context`.
        run_id: What ``context.run_id`` is.
        tags: What ``context.tags`` are.

    Returns:
        A context, and context manager.

    >>> from resourcekit import op
    >>> @op(required_resource_keys={"word"})
    ... def greet(context: OpExecutionContext) -> str:
    ...     return context.resources.word
    >>> greet(build_op_context(resources={"word": "hello"}))
    'hello'
    """
    container = layered([("resources", resources)]).container
    return BuiltOpContext(
        step="op",
        run_id=run_id,
        tags=dict(tags or {}),
        container=container,
        resources=_NotLive(container.plan().keys),
    )


def call_directly(step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a step's function: its resources are set up around the call, those left out are taken from the run here.

    Args:
        step: The step.
        args: The caller's arguments by position.
        kwargs: The caller's arguments by name.

    Raises:
        TypeError: The arguments do not fit.
        InjectionError: A resource is given twice, or is left out and no run here has it.
    """
    call = _Call(step, args, kwargs)
    return call.acall() if step.is_async else call.call()


class _Call:
    """One direct call.

    Args:
        step: The step.
        args: The caller's arguments by position.
        kwargs: The caller's arguments by name.
    """

    def __init__(self, step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.step = step
        self.parameters = step.parameters()
        self.filled = {each.name: each.wish.key for each in self.parameters if each.wish is not None}
        own = next((each.name for each in self.parameters if each.is_context), None)
        context = kwargs[own] if own is not None and own in kwargs else next(iter(args), None)
        if own is None and isinstance(context, ExecutionContext):
            args = args[1:]  # It says where resources come from, and the function does not ask for it.
        self.context = context if isinstance(context, _Built) else None
        given = () if self.context is None else self._taken(self.context)
        self.arguments = self._bound(args, kwargs, given)
        self.own = own
        self.required: list[str] = []
        if own is not None and (self.context is not None or own not in self.arguments):
            self.arguments.setdefault(own, self._new_context())
            self.required = sorted(step.options.required - set(self.filled.values()))
        self.declared = {name: self.arguments[name] for name in self.filled if self._is_declared(name)}
        self.received: dict[str, Any] = {}

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
        """The caller's arguments by name; what is *given* by the context is not among those by position.

        Raises:
            InjectionError: A keyword is given by the context as well.
            TypeError: They do not fit.
        """
        twice = next((name for name in given if name in kwargs), None)
        if twice is not None:
            reason = "it is given as an argument and in the context"
            raise InjectionError(self.step.spec.name, twice, reason, "give it once")
        signature = self.step.spec.signature
        left = [each for each in signature.parameters.values() if each.name not in given]
        try:
            bound = signature.replace(parameters=left).bind_partial(*args, **kwargs).arguments
        except TypeError as error:
            wrong = next((name for name in kwargs if name not in signature.parameters), None)
            names = [each.name for each in left]
            advice = f"it takes: {', '.join(names)}" if wrong is None else did_you_mean(wrong, names)
            raise TypeError(f"{self.step.spec.name}() {error}; {advice}") from None
        for each in left:
            if each.kind is each.VAR_KEYWORD:
                bound |= bound.pop(each.name, {})
            elif each.kind is each.VAR_POSITIONAL and bound.pop(each.name, ()):
                raise TypeError(f"{self.step.spec.name}() is called by name: too many positional arguments")
        return dict(bound)

    def _new_context(self) -> ExecutionContext:
        key = getattr(self.step, "key", None)
        extra = {} if key is None else {"asset_key": key}
        return self.step.context_type(step=self.step.name, **extra)

    def _taken(self, context: _Built) -> list[str]:
        """Be called with a context that was built: the parameters that it gives resources to."""
        keys = context.keys
        context.step = self.step.name
        if isinstance(context, AssetExecutionContext):
            context.asset_key = getattr(self.step, "key", context.asset_key)
        return [name for name, key in self.filled.items() if key in keys]

    def _is_declared(self, parameter: str) -> bool:
        """Whether the caller gave a declaration, to be set up for the call; a live resource or a mock is as it is."""
        given = self.arguments.get(parameter)
        return is_resource(given) and not record_of(given).live

    def _left_out(self) -> list[str]:
        """The keys that neither the caller nor a run here gives."""
        known = () if self.context is None else self.context.keys
        wanted = [key for name, key in self.filled.items() if name not in self.arguments]
        return [key for key in [*wanted, *self.required] if key not in known and not any(True for _ in _held_here(key))]

    def _opened(self) -> list[Any]:
        """What is entered around the call: of the resources that the step brings along, those that are left out.

        Raises:
            InjectionError: Nothing gives a resource of its required_resource_keys.
        """
        left_out, own = self._left_out(), self.step.options.resource_defs
        missing = next((key for key in left_out if key in self.required and key not in own), None)
        if missing is not None:
            hint = f"call it with build_{self.step.kind}_context(resources={{{missing!r}: ...}}), or inside a run"
            reason = "it is in required_resource_keys, and no run is open here that has it"
            raise InjectionError(self.step.spec.name, missing, reason, hint)
        opened: list[Any] = []
        if self.context is not None and not self.context.is_entered:
            opened.append(self.context)
        brought = [key for key in left_out if key in own]
        if brought or self.declared:
            container = ResourceContainer.of({**(own if brought else {}), **self.declared})
            opened.append(container.run(*dict.fromkeys([*self.declared, *brought])))
        self.received = dict.fromkeys(brought)
        return opened

    def _found(self, live: Any) -> None:
        """Take the live resources in the place of the declarations, and those of the context."""
        for name in self.declared:
            self.arguments[name] = getattr(live, name)
        self.received = {key: _value(getattr(live, key)) for key in self.received}
        self.received |= {} if self.context is None else self.context.received
        for name, key in self.filled.items():
            if name not in self.arguments and key in self.received:
                self.arguments[name] = self.received[key]

    def _filling(self) -> FromCurrent | None:
        """What gives the resources that are left out, if any is.

        Raises:
            InjectionError: No run is open here that could.
        """
        wishes = [each.wish for each in self.parameters if each.wish is not None and each.name not in self.arguments]
        missing = next((wish.name for wish in wishes if not wish.is_optional), None)
        if missing is not None and not any(open_runs()):
            function = self.step.spec.name
            reason = "it is left out, and no run is open here that has it"
            hint = f"give it, {function}({missing}=...), or call it inside `with container.run():`"
            raise InjectionError(function, missing, reason, hint)
        return FromCurrent(self.step.spec, (), self.arguments) if self.filled else None

    def _show(self) -> None:
        """Have the function's context show every resource that the call has."""
        context = None if self.own is None else self.arguments[self.own]
        if not isinstance(context, ExecutionContext) or not isinstance(context.resources, StepResources):
            return
        live = {
            key: self.received[key] if key in self.received else _value(next(_held_here(key))) for key in self.required
        }
        for each in self.parameters:
            if each.wish is not None and self.arguments.get(each.name) is not each.wish.default:
                live[each.wish.key] = self.arguments[each.name]
        if live:  # A copy: the caller's context may be in use by another call.
            shown = copy(context)
            shown.resources = context.resources._with(str(self.step), live)
            self.arguments[self.own or ""] = shown

    def call(self) -> Any:
        """Call a sync function."""
        with ExitStack() as stack:
            live = [stack.enter_context(each) for each in self._opened()]
            self._found(live[-1] if live else None)
            filling = self._filling()
            if filling is not None:
                self.arguments = dict((filling.arguments())[1])
            self._show()
            return self.step.function(**self.arguments)

    async def acall(self) -> Any:
        """Call an async function."""
        async with AsyncExitStack() as stack:
            live = [await stack.enter_async_context(each) for each in self._opened()]
            self._found(live[-1] if live else None)
            filling = self._filling()
            if filling is not None:
                self.arguments = dict((await filling.aarguments())[1])
            self._show()
            return await self.step.function(**self.arguments)
