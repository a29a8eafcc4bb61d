"""How an execution uses IO managers: which keeps the value of a step, and the calls that store and load it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from resourcekit.base.errors import DefinitionError, kind_in_words
from resourcekit.declarations.record import spec_of
from resourcekit.definitions.execution.provided import is_unmanaged, way_out
from resourcekit.definitions.execution.step_calls import Call, StepMachine
from resourcekit.definitions.model.step_contexts import InputContext, OutputContext
from resourcekit.definitions.model.step_graph import Node
from resourcekit.definitions.storage.io_managers import InMemoryIOManager, is_io_manager
from resourcekit.injection.matching import held_at
from resourcekit.lifecycle.outcome import note
from resourcekit.planning.nodes import Held
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.run import Run

__all__ = ("Keeping", "received", "stays")


def received(live: Any, blueprint: Blueprint, key: str) -> StepMachine:
    """What users of a key receive.

    Args:
        live: What the run gives.
        blueprint: The container's.
        key: The key.

    Raises:
        DefinitionError: A provider gave a resource that no run has set up.
    """
    found = live
    for name in key.split("."):
        found = getattr(found, name)
    held: Held = held_at(blueprint, key)
    if held.kind == "provider":
        found = yield Call(found, f"the provider of {key!r}")
        if is_unmanaged(found):
            cls = type(found)
            raise DefinitionError(
                f"the provider of {key!r} gave a {cls.__name__} that no run has set up; {way_out(key, cls)}"
            )
    return found


def stays(blueprint: Blueprint, keys: Iterable[str]) -> bool:
    """Whether any resource that *keys* need must not leave the run's own thread."""
    steps = blueprint.plan(tuple(keys)).steps
    return not all(spec_of(step.resource).settings.threads for step in steps)


class Keeping:
    """The IO managers of one execution: one object for each key.

    Args:
        blueprint: The container's.
        run: The run of the execution.
    """

    def __init__(self, blueprint: Blueprint, run: Run[Any]) -> None:
        self._blueprint = blueprint
        self._run = run
        self._found: dict[str | None, Any] = {}

    def output_context(self, node: Node) -> OutputContext:
        """What an IO manager is told of a step's value."""
        step = node.step
        return OutputContext(
            step_key=node.name,
            asset_key=getattr(step, "key", None),
            run_id=self._run.run_id,
            tags=self._run.tags,
            annotation=step.returned,
            definition_metadata=step.options.metadata,
        )

    def store(self, live: Any, node: Node, value: Any, output: OutputContext) -> StepMachine:
        """Have the value of a step kept.

        Args:
            live: What the run gives.
            node: The step.
            value: Its value.
            output: What the IO manager is told.
        """
        keeper = yield from self._io_manager(live, node)
        call = self._call(node, partial(keeper.handle_output, output, value), f"storing the value of {node.step}")
        with self._noted(keeper, "handle_output", node, f"storing the value of {node.step}"):
            yield call

    def load(self, live: Any, upstream: Node, **what: Any) -> StepMachine:
        """The kept value of a step.

        Args:
            live: What the run gives.
            upstream: The step.
            **what: Who needs it and as what: arguments of the `InputContext`.
        """
        keeper = yield from self._io_manager(live, upstream)
        output = self.output_context(upstream)
        context = InputContext(upstream_output=output, run_id=self._run.run_id, tags=self._run.tags, **what)
        doing = f"loading the value of {upstream.step}"
        call = self._call(upstream, partial(keeper.load_input, context), doing)
        with self._noted(keeper, "load_input", upstream, doing + (f" for {context.name!r}" if context.name else "")):
            return (yield call)

    def _call(self, node: Node, function: partial[Any], what: str) -> Call:
        key = self._key(node)
        return Call(function, what, key is not None and stays(self._blueprint, [key]))

    @contextmanager
    def _noted(self, keeper: object, method: str, node: Node, doing: str) -> Iterator[None]:
        """Tell in what an IO manager raises which it is, and what it was to do."""
        try:
            yield
        except Exception as error:
            note(error, f"resourcekit: {method} of {self._name(keeper, node)}, {doing}")
            raise

    def _name(self, keeper: object, node: Node) -> str:
        key = self._key(node)
        if key is None:
            return "the execution's own memory"
        held = held_at(self._blueprint, key)
        declared = held.content if held.kind == "resource" else keeper
        return f"IO manager {key!r} ({type(declared).__name__})"

    def _io_manager(self, live: Any, node: Node) -> StepMachine:
        key = self._key(node)
        if key not in self._found:
            found = InMemoryIOManager() if key is None else (yield from received(live, self._blueprint, key))
            if not is_io_manager(found):
                raise DefinitionError(
                    f"{key!r} keeps the value of {node.step}, and is {kind_in_words(found)}, which has no "
                    "handle_output and load_input"
                )
            self._found.setdefault(key, found)
        return self._found[key]

    def _key(self, node: Node) -> str | None:
        """The key of what keeps the value of a step; None for this execution's memory."""
        key = node.step.options.io_manager_key
        return key if key in self._blueprint.graph.keys else None
