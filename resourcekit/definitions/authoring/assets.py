"""`asset`: a function whose value is kept under a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, overload

from resourcekit.base.errors import DefinitionError, Problem, kind_in_words, nearest
from resourcekit.definitions.execution.direct import call_directly
from resourcekit.definitions.model.asset_keys import AssetKey, as_asset_key
from resourcekit.definitions.model.composition import composing
from resourcekit.definitions.model.retry import RetryPolicy
from resourcekit.definitions.model.step_contexts import AssetExecutionContext, ExecutionContext
from resourcekit.definitions.model.step_graph import Node, StepGraph, Upstream
from resourcekit.definitions.model.steps import Step, StepOptions, as_list, name_of

__all__ = ("AssetDefinition", "asset", "asset_graph")

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class AssetDefinition(Step[P, R_co]):
    """An asset: what `asset` makes of a function. Called, it is the function.

    Args:
        function: The function.
        key: The asset's key.
        options: What every step may be given.
        deps: The assets that it comes after, without taking their values.
        ins: The assets of parameters that are not called like them.
        group_name: The group it belongs to, for selections.

    >>> @asset(key_prefix="shop")
    ... def orders() -> list[str]:
    ...     return ["tea", "milk"]
    >>> orders.key, orders()
    (AssetKey('shop/orders'), ['tea', 'milk'])
    """

    kind: ClassVar[str] = "asset"
    context_type: ClassVar[type[ExecutionContext]] = AssetExecutionContext

    def __init__(
        self,
        function: Callable[P, R_co],
        key: AssetKey,
        options: StepOptions,
        deps: Sequence[AssetKey] = (),
        ins: Mapping[str, AssetKey] | None = None,
        group_name: str | None = None,
    ) -> None:
        self.key = key
        super().__init__(function, str(key), options)
        self.deps = tuple(deps)
        self.ins = dict(ins or {})
        self.group_name = group_name
        inputs = [each.name for each in self.parameters() if not each.is_context and not each.is_resource]
        for name in self.ins:
            if name not in inputs:
                near = nearest(name, inputs)
                advice = f"did you mean {near}?" if near else f"it takes: {', '.join(inputs) or 'no values'}"
                raise DefinitionError(f"{self}: ins has {name!r}, which takes no value; {advice}")

    def _arguments(self) -> dict[str, Any]:
        return {"key": self.key, "options": self.options, "deps": self.deps, "ins": self.ins,
                "group_name": self.group_name}  # fmt: skip

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        composition = composing.get()
        if composition is not None:
            raise DefinitionError(
                f"job {composition.job!r} calls {self}: a job is made of ops; run assets with materialize()"
            )
        result: R_co = call_directly(self, args, kwargs)
        return result


class _Decorator(Protocol):
    """What ``asset(...)`` with options gives: it keeps the function's types."""

    def __call__(self, function: Callable[P, R], /) -> AssetDefinition[P, R]: ...


@overload
def asset(function: Callable[P, R], /) -> AssetDefinition[P, R]: ...
@overload
def asset(
    *,
    name: str | None = None,
    key: AssetKey | str | Sequence[str] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    deps: Iterable[AssetDefinition[..., Any] | AssetKey | str | Sequence[str]] | None = None,
    ins: Mapping[str, AssetDefinition[..., Any] | AssetKey | str | Sequence[str]] | None = None,
    io_manager_key: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    description: str | None = None,
    group_name: str | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> _Decorator: ...
def asset(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    key: Any = None,
    key_prefix: str | Sequence[str] | None = None,
    deps: Iterable[Any] | None = None,
    ins: Mapping[str, Any] | None = None,
    io_manager_key: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    description: str | None = None,
    group_name: str | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Make an asset of a function: its value is kept, by an IO manager, under a key.

    A parameter annotated with a resource class, or with ``ResourceParam[...]``, receives the resource of its name;
    one called ``context`` the `AssetExecutionContext`; any other the value of the asset of its name.

    Args:
        function: The function, sync or async.
        name: The asset's name; the function's, when it is not given.
        key: The whole key, in place of *name* and *key_prefix*.
        key_prefix: What stands before the name in the key.
        deps: Assets that come first, whose values it does not take.
        ins: The assets of parameters that are not called like them.
        io_manager_key: The resource that keeps the value.
        required_resource_keys: Resources for ``context.resources``, where no parameter asks for any.
        resource_defs: Resources that it brings along and requires, so that ``context.resources`` has them; another
            under the same key is an error.
        retry_policy: How often it is run again when it fails.
        description: What it is; the docstring, when it is not given.
        group_name: The group it belongs to; a selection may name it, ``"group:shop"``.
        tags: Words of yours.
        metadata: What IO managers may want to know of it.

    Returns:
        An `AssetDefinition`, callable as the function; or, with options, a decorator.

    Raises:
        DefinitionError: An argument is wrong.
        InjectionError: A parameter asks for a factory, not for what it vends.

    >>> from resourcekit import materialize
    >>> @asset
    ... def orders() -> list[str]:
    ...     return ["tea", "milk"]
    >>> @asset
    ... def count(orders: list[str]) -> int:
    ...     return len(orders)
    >>> materialize([orders, count]).output_for(count)
    2
    """
    options = StepOptions(
        description=description,
        io_manager_key=io_manager_key,
        required_resource_keys=required_resource_keys,
        resource_defs=resource_defs,
        retry_policy=retry_policy,
        tags=tags,
        metadata=metadata,
    )

    def decorate(function: Any) -> AssetDefinition[..., Any]:
        found = _key(function, name, key, key_prefix)
        return AssetDefinition(
            function,
            found,
            options,
            [as_asset_key(each, f"asset '{found}': deps") for each in _listed(deps, found)],
            {param: as_asset_key(each, f"asset '{found}': ins") for param, each in (ins or {}).items()},
            group_name,
        )

    return decorate if function is None else decorate(function)


def _listed(deps: Any, key: AssetKey) -> list[Any]:
    if isinstance(deps, str | AssetKey | AssetDefinition):
        raise DefinitionError(f"asset '{key}': deps wants a list, write deps=[...]")
    return list(deps or ())


def _key(function: Any, name: str | None, key: Any, prefix: str | Sequence[str] | None) -> AssetKey:
    """The key of a new asset."""
    if key is None:
        return AssetKey([*([prefix] if isinstance(prefix, str) else prefix or ()), name_of(function, name, "asset")])
    if name is not None or prefix is not None:
        raise DefinitionError("asset() takes key=..., or name=... and key_prefix=..., not both")
    found = as_asset_key(key, "asset(key=...)")
    name_of(function, "asset", "asset")  # Whatever it is called, it must be a function.
    return found


def asset_graph(assets: Iterable[Any], where: str) -> StepGraph:
    """The graph of *assets*: each parameter that an asset is called like takes its value.

    Args:
        assets: The assets.
        where: What they were given to, for messages.

    Raises:
        DefinitionError: One is no asset, or two have the same key.
    """
    known: dict[str, AssetDefinition[..., Any]] = {}
    for each in as_list(assets, where, "assets"):
        if not isinstance(each, AssetDefinition):
            raise DefinitionError(_no_asset(each, where))
        other = known.setdefault(each.name, each)
        if other is not each:
            places = " and ".join(str(found.location) for found in (other, each))
            raise DefinitionError(
                f"{where} has two assets with the key '{each.key}', at {places}; give one a key_prefix"
            )
    problems: list[tuple[str, Problem]] = []
    nodes = {name: _node(each, known, problems) for name, each in known.items()}
    return StepGraph(nodes, tuple(problems))


def _no_asset(given: Any, where: str) -> str:
    name = getattr(given, "__name__", None)
    if isinstance(given, Step):
        return f"{where} wants assets, and {given.name} is an {given.kind}: ops run in a job"
    if isinstance(given, type):
        return f"{where} wants assets, and {name} is a class"
    if callable(given) and name:
        return f"{where} wants assets, and {name} is a plain function: decorate it with @asset"
    return f"{where} wants assets, not {kind_in_words(given)}"


def _node(
    asset: AssetDefinition[..., Any],
    known: Mapping[str, AssetDefinition[..., Any]],
    problems: list[tuple[str, Problem]],
) -> Node:
    """An asset with the assets it needs, as far as there are such."""
    bare = Node(asset.name, asset)
    inputs = {}
    for parameter in asset.parameters():
        if parameter.is_context or parameter.is_resource:
            continue
        key = asset.ins.get(parameter.name)
        fitting = [str(key)] if key is not None and str(key) in known else []
        fitting = fitting or ([] if key is not None else _called(parameter.name, asset, known))
        if len(fitting) > 1:
            message = f"several assets are called {parameter.name!r}: {', '.join(fitting)}"
            hint = f"say which, as in ins={{{parameter.name!r}: {fitting[0]!r}}}"
            problems.append((asset.name, bare.problem("unknown-input", message, parameter.name, hint)))
        elif fitting:
            inputs[parameter.name] = Upstream(fitting[0])
        elif key is not None:
            problems.append((asset.name, _unknown_asset(bare, key, known, parameter.name)))
    for key in asset.deps:
        if str(key) not in known:
            problems.append((asset.name, _unknown_asset(bare, key, known, None)))
    after = tuple(str(key) for key in asset.deps if str(key) in known)
    return Node(asset.name, asset, inputs, after)


def _called(name: str, asset: Any, known: Mapping[str, Any]) -> list[str]:
    """The assets that a parameter may mean: of exactly that key, of the same prefix, or of that name anywhere."""
    near = str(AssetKey([*asset.key.path[:-1], name]))
    for key in (name, near):
        if key in known and key != asset.name:
            return [key]
    return [key for key, each in known.items() if each.key.name == name and each is not asset]


def _unknown_asset(node: Node, key: AssetKey, known: Mapping[str, Any], parameter: str | None) -> Problem:
    near = nearest(str(key), known)
    hint = f"did you mean {near}?" if near else "give it along with the others, and choose with selection=..."
    place = "deps" if parameter is None else "ins"
    return node.problem("unknown-input", f"there is no asset '{key}', which its {place} name", parameter, hint)
