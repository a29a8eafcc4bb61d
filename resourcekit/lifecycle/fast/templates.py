"""What is the same in every run: which resources only need values put in their places, and how links come by theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.config.overlay import Overlaid
from resourcekit.config.rereading import is_read_by_field
from resourcekit.declarations.construction import draft
from resourcekit.declarations.deferred import Computed, Deferred, Reference
from resourcekit.declarations.record import raw_values, record_of, spec_of
from resourcekit.declarations.spec import RECORD
from resourcekit.declarations.values import copied, holds, is_resource, rebuild
from resourcekit.planning.plan import Step

__all__ = ("Links", "Template", "Unsupported", "link_expressions", "template_of")


class Unsupported(Exception):  # a signal between these modules
    """A step needs the machine."""


@attrs.frozen(eq=False)
class Template:
    """A resource that is made by putting values in their places.

    Args:
        is_read: Whether some of its config is read for each run: then what is read brings all but links and state.
        namespace: Its fields and record, to be copied into each live resource.
        mutable: The fields that hold lists, dicts or sets, copied for each.
        factories: What makes its private state.
        has_post_init: Whether it has an ``__attrs_post_init__``.
    """

    is_read: bool
    namespace: Mapping[str, object]
    mutable: Mapping[str, object]
    factories: Mapping[str, Callable[[], object]]
    has_post_init: bool


@attrs.frozen(eq=False)
class Links:
    """The linked fields of a step.

    Args:
        expressions: How each is made of names of the generated code.
        samples: A value of each field's shape, with declarations in the place of live resources.
        is_vended: Whether a field gets an object that a resource or provider vends, whose type is known in a run only.
    """

    expressions: Mapping[str, str]
    samples: Mapping[str, object]
    is_vended: bool


def link_expressions(
    step: Step,
    before: Mapping[int, tuple[int, Step]],
    find: Callable[[object], Any],
    constant: Callable[[object], str],
    make: str,
) -> Links:
    """How the linked fields of *step* are made of what is up before it.

    Args:
        step: The step.
        before: The steps before it with their places, by identity of the declaration.
        find: Gives what a leaf is in the container, or the live object that is up for longer than a run.
        constant: Gives a value a name in the generated code.
        make: The code that calls a plain provider, with braces in the place of its name.

    Raises:
        Unsupported: A set of resources, or config beside resources in one value.
    """
    writing = _Linking(before, find, constant, make)
    record, values = record_of(step.resource), raw_values(step.resource)
    names = [name for name in spec_of(step.resource).by_name if name in record.linked]
    linked = [name for name in names if not isinstance(values[name], Computed) and writing.has_links(values[name])]
    expressions = {name: writing.expression(values[name]) for name in linked}
    samples = {name: rebuild(values[name], Any, lambda leaf, _a, _p: writing.sample(leaf)) for name in linked}
    return Links(expressions, samples, writing.is_vended)


class _Linking:
    def __init__(
        self,
        before: Mapping[int, tuple[int, Step]],
        find: Callable[[object], Any],
        constant: Callable[[object], str],
        make: str,
    ) -> None:
        self._before = before
        self._find = find
        self._constant = constant
        self._make = make
        self.is_vended = False

    def has_links(self, value: Any) -> bool:
        """Whether *value* holds resources or keys, and not config to be read."""
        if type(value) in (list, tuple):
            found = [self.has_links(item) for item in value if holds(item)]
        elif type(value) is dict:
            found = [self.has_links(item) for item in value.values() if holds(item)]
        elif type(value) in (set, frozenset):
            raise Unsupported
        else:
            return isinstance(value, Reference) or not isinstance(value, Deferred)
        if len(set(found)) > 1:
            raise Unsupported  # Config and resources in one value.
        return any(found)

    def expression(self, value: object) -> str:
        """The code that makes *value* of live resources."""
        if type(value) is list:
            return f"[{', '.join(map(self.expression, value))}]"
        if type(value) is tuple:
            return f"({''.join(f'{self.expression(item)}, ' for item in value)})"
        if type(value) is dict:
            items = (f"{self._constant(key)}: {self.expression(item)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        if not is_deferred(value) and not is_resource(value):
            return self._constant(copied(value))
        held, live = self._find(value)
        before = self._before.get(id(held.identity))
        if before is None:
            if held.kind == "provider":
                self.is_vended = True
                return self._make.format(self._constant(held.content))
            known = held.content if held.kind == "value" else live
            self.is_vended = self.is_vended or not is_resource(known)
            return self._constant(known)
        place, step = before
        vends = step.hooks.vends
        self.is_vended = self.is_vended or vends
        return f"e{place}" if vends else f"r{place}"

    def sample(self, leaf: object) -> object:
        """What stands for a leaf in a check of types."""
        if not is_deferred(leaf) and not is_resource(leaf):
            return leaf
        held, live = self._find(leaf)
        return held.content if live is None else live


def template_of(step: Step, links: Links, overlaid: Mapping[str, Overlaid]) -> Template | None:
    """The template of a step; None where values have to be checked, or links converted, in each run."""
    declaration = step.resource
    record, spec = record_of(declaration), spec_of(declaration)
    read = {*overlaid, *(name for name in record.deferred if name not in links.expressions)}
    if spec.has_validators or links.is_vended or not read.isdisjoint(links.expressions):
        return None
    if read and not is_read_by_field(declaration, overlaid):
        return None
    for name, sample in links.samples.items():
        field = spec.by_name[name]
        is_late = name in record.deferred
        if is_late and (field.attribute.converter is not None or not field.matches(declaration, sample)):
            return None
    sample, _ = draft(declaration, {}, {}, step.name)  # Its values were converted and checked as a declaration's.
    values = {name: value for name, value in sample.__dict__.items() if name in spec.by_name}
    mutable = {name: value for name, value in values.items() if isinstance(value, list | dict | set | tuple)}
    live = attrs.evolve(record_of(sample), deferred={})
    states = {name: state.make for name, state in spec.states.items()}
    plain = {name: value for name, value in values.items() if name not in mutable}
    has_post_init = hasattr(spec.cls, "__attrs_post_init__")
    return Template(bool(read), {RECORD: live, **plain}, mutable, states, has_post_init)
