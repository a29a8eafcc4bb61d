"""Steps and resources brought together: which key fills which parameter, and everything that is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.class_kinds import is_resource_class
from resourcekit.base.errors import InjectionError, Problem, did_you_mean, listed, nearest
from resourcekit.definitions.execution.provided import unmanaged_class, way_out
from resourcekit.definitions.model.step_graph import Node, StepGraph, upstream_of
from resourcekit.definitions.model.steps import DEFAULT_IO_MANAGER, Parameter
from resourcekit.definitions.storage.file_store import refusal
from resourcekit.definitions.storage.io_managers import is_io_manager
from resourcekit.injection.function import FunctionSpec
from resourcekit.injection.matching import find_key, held_at, no_key
from resourcekit.injection.reading import Wish
from resourcekit.planning.nodes import Held
from resourcekit.run.blueprint import Blueprint

__all__ = ("Binding", "BoundStep", "Filled", "bind")


@attrs.frozen
class Filled:
    """A resource that a step receives.

    Args:
        key: The resource's key.
        wish: What the parameter asks for that it fills; None where only the context has it.
    """

    key: str
    wish: Wish | None = None


@attrs.frozen(eq=False)
class BoundStep:
    """A step, and where everything comes from that its function takes.

    Args:
        node: The step.
        filled: The resources it receives.
        defaults: The parameters that get what stands for a resource that is not there.
        context: The parameter that gets the context.
        annotations: What its parameters say that they take.
    """

    node: Node
    filled: tuple[Filled, ...] = ()
    defaults: Mapping[str, Any] = attrs.field(factory=dict)
    context: str | None = None
    annotations: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Binding:
    """What an execution needs of its resources.

    Args:
        steps: The chosen steps by name.
        keys: What its run sets up, with what these need.
        problems: Everything that is wrong.
    """

    steps: Mapping[str, BoundStep]
    keys: tuple[str, ...]
    problems: tuple[Problem, ...]


def bind(graph: StepGraph, chosen: Iterable[str], blueprint: Blueprint, config: object = None) -> Binding:
    """Find what each of the *chosen* steps receives.

    Args:
        graph: The graph.
        chosen: The steps to do.
        blueprint: The container's.
        config: What is laid over the resources for this execution: what it may change is not judged.
    """
    chosen = set(chosen)
    problems = [problem for name, problem in graph.problems if name in chosen]
    cycle = graph.cycle()
    if cycle is not None:
        problems.append(cycle)
    steps = {}
    keys: dict[str, None] = {}
    for name in (name for name in graph.nodes if name in chosen):
        bound = _Binder(graph, graph.nodes[name], blueprint, config)
        steps[name] = bound.bind()
        problems += bound.problems
        keys |= dict.fromkeys(bound.keys)
    return Binding(steps, tuple(keys), tuple(dict.fromkeys(problems)))


class _Binder:
    """Binds one step.

    Args:
        graph: The graph.
        node: The step.
        blueprint: The container's.
        config: What is laid over the resources.
    """

    def __init__(self, graph: StepGraph, node: Node, blueprint: Blueprint, config: object) -> None:
        self.config = config
        self.graph = graph
        self.node = node
        self.blueprint = blueprint
        self.problems: list[Problem] = []
        self.filled: list[Filled] = []
        self.defaults: dict[str, Any] = {}
        self.keys: list[str] = []

    def bind(self) -> BoundStep:
        """What the step receives; what is wrong stands in `problems`."""
        step = self.node.step
        parameters = step.parameters()
        for parameter in parameters:
            if not parameter.is_context and parameter.name not in self.node.inputs:
                self._fill(parameter)
        for key in sorted(step.options.required - {filled.key for filled in self.filled}):
            self._require(key)
        self.keys += [filled.key for filled in self.filled]
        self.keys += self._inside(step.spec)
        self.keys += self._io_managers()
        self.problems += self._unmanaged()
        context = next((each.name for each in parameters if each.is_context), None)
        annotations = {each.name: each.annotation for each in parameters}
        return BoundStep(self.node, tuple(self.filled), self.defaults, context, annotations)

    def _fill(self, parameter: Parameter) -> None:
        wish = parameter.wish
        if wish is None:
            if not parameter.has_default and not self._is_told(parameter.name):
                self.problems.append(self._unknown_input(parameter))
            return
        try:
            key = self._key(wish)
        except InjectionError as error:
            code = "wrong-resource" if wish.key in self.blueprint.graph.keys else "unknown-resource"
            self.problems.append(self.node.problem(code, error.reason, parameter.name, error.hint or None))
            return
        if key is None:
            self.defaults[parameter.name] = wish.default
        else:
            self.filled.append(Filled(key, wish))

    def _is_told(self, parameter: str) -> bool:
        """Whether the graph has told already what is wrong with a parameter."""
        return any(problem.where == f"{self.node.name}({parameter})" for _, problem in self.graph.problems)

    def _key(self, wish: Wish) -> str | None:
        """The key of a wish: of its name, never searched by type; None where it may be left out.

        Raises:
            InjectionError: There is none, or it is of another type.
        """
        function = self.node.step.spec.name
        if wish.key in self.blueprint.graph.keys:
            return find_key(function, wish, self.blueprint)
        if wish.is_optional:
            return None
        error = no_key(function, wish, self.blueprint)
        if not self.blueprint.graph.keys:
            example = f"{type_name(wish.wanted)}(...)" if is_resource_class(wish.wanted) else "..."
            error.hint = f"give it, resources={{{wish.key!r}: {example}}}"
        raise error

    def _unknown_input(self, parameter: Parameter) -> Problem:
        """What is wrong with a parameter that nothing fills."""
        name, step, keys = parameter.name, self.node.step, self.blueprint.graph.keys
        known: list[str] = []
        if parameter.unresolved is not None:
            message = f"nothing gives {name!r}, and its annotation cannot be resolved: {parameter.unresolved}"
            hint = "import the name at run time, not under TYPE_CHECKING alone, or give the default injected()"
            return self.node.problem("unknown-input", message, name, hint)
        if step.kind == "op":
            message = f"nothing gives {name!r}"
            hint = f"pass a value where the job calls it, {step.name}({name}=...)"
        elif name == step.name.rpartition("/")[2] and name not in keys:
            message = "needs itself: an asset's parameter is the asset of that name"
            hint = f"call the parameter like what it takes, or say which asset that is, ins={{{name!r}: ...}}"
            return self.node.problem("step-cycle", message, name, hint)
        else:
            known = [other.name.rpartition("/")[2] for other in self.graph.nodes.values() if other is not self.node]
            message = f"there is no asset {name!r}; there is: {listed(known) or 'none'}"
            hint = "give that asset along with the others"
        near = nearest(name, [*known, *keys])
        if name in keys:
            hint = f"there is a resource {name!r}: annotate the parameter as its class, or as ResourceParam[...]"
        elif near is not None:
            hint = f"did you mean {near}{', a resource' if near in keys and near not in known else ''}?"
        return self.node.problem("unknown-input", message, name, hint)

    def _require(self, key: str) -> None:
        """A key of required_resource_keys."""
        if key in self.blueprint.graph.keys:
            self.filled.append(Filled(key))
            return
        known = self.blueprint.graph.keys
        message = f"required_resource_keys has {key!r}, and there is no such resource"
        self.problems.append(self.node.problem("unknown-resource", message, None, did_you_mean(key, known)))

    def _unmanaged(self) -> Iterator[Problem]:
        """Providers that make resources past the run: their hooks would not be called."""
        for key in dict.fromkeys(self.keys):
            held = held_at(self.blueprint, key)
            cls = unmanaged_class(held)
            if cls is not None:
                message = f"the {type(held.content).__name__} under {key!r} makes a {cls.__name__} that no run sets up"
                yield self.node.problem("raw-resource", message, None, way_out(key, cls))

    def _inside(self, spec: FunctionSpec) -> Iterator[str]:
        """What the bare `inject` fills of a function that is a step."""
        while spec.inside is not None:
            spec = spec.inside
            spec.update()
            for wish in spec.wishes(()):
                try:
                    key = find_key(spec.name, wish, self.blueprint)
                    if key is None and not wish.is_optional:
                        raise no_key(spec.name, wish, self.blueprint)
                except InjectionError as error:
                    problem = self.node.problem("unknown-resource", error.reason, wish.name, error.hint or None)
                    self.problems.append(problem)
                else:
                    yield from () if key is None else (key,)

    def _io_managers(self) -> Iterator[str]:
        """The keys of the IO managers that keep the step's value and give it those of others."""
        if not self.node.step.gives_nothing:
            yield from self._io_manager(self.node)
            self._check_returned()
        for parameter, source in self.node.inputs.items():
            for name in upstream_of(source):
                upstream = self.graph.nodes[name]
                if upstream.step.gives_nothing and upstream.step.kind == "op":
                    continue  # In a job, passing what it gives is how another waits for it.
                if upstream.step.gives_nothing:
                    message = f"{upstream.step} says that it returns None: there is no value to take"
                    hint = f"let it return one; or only wait for it, deps=[{upstream.step.name}]"
                    self.problems.append(self.node.problem("no-value", message, parameter, hint))
                else:
                    yield from self._io_manager(upstream)

    def _io_manager(self, node: Node) -> Iterator[str]:
        key = node.step.options.io_manager_key
        if key not in self.blueprint.graph.keys:
            if key != DEFAULT_IO_MANAGER:
                message = f"there is no IO manager {key!r}, which its io_manager_key names"
                near = nearest(key, self.blueprint.graph.keys)
                hint = f"did you mean {near}?" if near else f"add one, {key}=FilesystemIOManager(base_dir=...)"
                self.problems.append(node.problem("unknown-resource", message, None, hint))
            return
        held = held_at(self.blueprint, key)
        if not _may_keep(held):
            found = type_name(type(held.content) if held.kind == "value" else held.offers)
            message = f"its IO manager {key!r} is {found}, which has no handle_output and load_input"
            hint = "give a ConfigurableIOManager, or any object with these two methods"
            self.problems.append(node.problem("wrong-resource", message, None, hint))
        yield key

    def _check_returned(self) -> None:
        """Tell of a value that files are sure not to keep, for what the step says that it returns."""
        key, graph = self.node.step.options.io_manager_key, self.blueprint.graph
        if key not in graph.keys or self._is_configured(key):
            return
        found = refusal(held_at(self.blueprint, key).content, self.node.step.returned)
        if found is not None:
            message = f"its IO manager {key!r} cannot keep what it says it returns: {found}"
            hint = "say what it returns more closely, leave the annotation out, or choose serializer='pickle'"
            self.problems.append(self.node.problem("not-storable", message, None, hint))

    def _is_configured(self, key: str) -> bool:
        """Whether config may change an IO manager: that of a file is read when the run begins."""
        if self.config is not None and not isinstance(self.config, Mapping):
            return True
        trees = [overlay.tree for overlay in self.blueprint.overlays]
        first = {str(name).partition(".")[0] for tree in (*trees, self.config or {}) for name in tree}
        return key.partition(".")[0] in first


def _may_keep(held: Held) -> bool:
    """Whether what a key holds may be an IO manager, as far as that is known before it is up."""
    if held.kind == "value":
        return is_io_manager(held.content)
    offered = held.offers
    is_known = isinstance(offered, type) and offered not in (Any, object) and not inspect.isabstract(offered)
    return not is_known or is_io_manager(offered)
