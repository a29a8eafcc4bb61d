"""Composing a job: inside its function, calling an op adds it to the job and gives a handle for its value."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final, NoReturn

from resourcekit.base.errors import DefinitionError, did_you_mean, kind_in_words
from resourcekit.definitions.model.step_graph import Constant, FanIn, Node, Source, Upstream
from resourcekit.definitions.model.steps import Step

__all__ = ("Composition", "Handle", "composing")


class Handle:
    """What calling an op in a job gives: it stands for the value, and is for passing to other ops."""

    def __init__(self, node: str) -> None:
        self.node = node

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise DefinitionError(
            f"in a job, calling {self.node}() gives a handle to pass to other ops; its value is there when the job runs"
        )

    __iter__ = __bool__ = __len__ = __getitem__ = __call__ = __add__ = __str__ = __format__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __int__ = __float__ = _refuse
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __repr__(self) -> str:
        return f"<the value of {self.node}>"


class Composition:
    """A job while its function runs.

    Args:
        job: The job's name.
    """

    def __init__(self, job: str) -> None:
        self.job = job
        self.nodes: dict[str, Node] = {}

    def add(
        self, step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str | None = None
    ) -> Handle:
        """Add one call of an op.

        Args:
            step: The op.
            args: The call's arguments by position: of the parameters that take values, in their order.
            kwargs: Its arguments by name.
            name: What to call it; made from the op's name when it is not given.

        Raises:
            DefinitionError: The arguments do not fit, or the name is taken.
        """
        inputs = {param: self._source(step, given) for param, given in self._bound(step, args, kwargs).items()}
        name = self._free_name(step) if name is None else name
        if name in self.nodes:
            raise DefinitionError(f"job {self.job!r} has two ops called {name!r}; give one another alias")
        self.nodes[name] = Node(name, step, inputs)
        return Handle(name)

    def _bound(self, step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        parameters = step.parameters()
        inputs = [each.name for each in parameters if not each.is_context and not each.is_resource]
        filled = [each.name for each in parameters if each.name not in inputs]
        wrong = [name for name in kwargs if name not in inputs]
        if wrong:
            reason = "filled when the job runs"
            if wrong[0] not in filled:
                reason = f"no parameter of it; {did_you_mean(wrong[0], inputs)}"
            raise DefinitionError(f"job {self.job!r}: {step} was given {wrong[0]!r}, which is {reason}")
        if len(args) > len(inputs):
            raise DefinitionError(f"job {self.job!r}: {step} takes {len(inputs)} values, it was given {len(args)}")
        bound = dict(zip(inputs, args, strict=False))
        twice = [name for name in kwargs if name in bound]
        if twice:
            raise DefinitionError(f"job {self.job!r}: {step} was given {twice[0]!r} twice")
        return {**bound, **kwargs}

    def _source(self, step: Step[..., Any], given: Any) -> Source:
        if isinstance(given, Handle):
            if given.node not in self.nodes:
                raise DefinitionError(f"job {self.job!r}: {step} was given the value of another job")
            return Upstream(given.node)
        if isinstance(given, list) and any(isinstance(each, Handle) for each in given):
            return FanIn(tuple(self._source(step, each) for each in given))
        if isinstance(given, Step):
            raise DefinitionError(
                f"job {self.job!r}: {step} was given {given} itself, {kind_in_words(given)}: call it, {given.name}()"
            )
        return Constant(given)

    def _free_name(self, step: Step[..., Any]) -> str:
        number, name = 1, step.name
        while name in self.nodes:
            number += 1
            name = f"{step.name}_{number}"
        return name


composing: Final[ContextVar[Composition | None]] = ContextVar("resourcekit_composition", default=None)
"""The job whose function runs here."""
