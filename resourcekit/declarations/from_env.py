"""What stands in every field of a declaration that gets its values from outside: from variables, or from config."""

from __future__ import annotations

from typing import Any

import attrs

from resourcekit.annotations.annotation_queries import resource_classes
from resourcekit.declarations.deferred import Deferred, EnvVar, ReadContext, SourceError
from resourcekit.declarations.fields import is_factory
from resourcekit.declarations.spec import FieldSpec
from resourcekit.declarations.values import holds

__all__ = ("AtLaunch", "awaits_config", "variable")


def variable(field: FieldSpec, prefix: str) -> EnvVar | None:
    """The variable of a field for `from_env`; None where the field keeps its default, or wants a resource.

    Args:
        field: The field.
        prefix: What the variable's name begins with.
    """
    default: Any = field.attribute.default
    name = prefix + field.name.upper()
    if default is attrs.NOTHING:
        if field.required and resource_classes(field.annotation):
            return None
        return EnvVar(name) if field.required else EnvVar(name, default=None)
    if field.is_derived:
        return None  # It needs the other fields: the class makes it when they are there.
    value = default.factory() if is_factory(default) else default
    return None if holds(value) else EnvVar(name, default=value)


class AtLaunch(Deferred):
    """A value that a run's config gives: what `configure_at_launch` puts in a required field."""

    def read(self, context: ReadContext) -> object:
        """Never gives a value: where config has one, it stands in this one's place.

        Raises:
            SourceError: Always; the hint is an example of the config that is missing.
        """
        key, _, field = context.where.rpartition(".")
        raise SourceError(
            "it is configured at launch, and no config has it",
            code="missing-config",
            hint=f'give it, as in run(config={{"{key}": {{"{field}": ...}}}})',
        )

    def describe(self) -> str:
        """Where it comes from, in words."""
        return "the config of a run"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtLaunch)

    def __hash__(self) -> int:
        return hash(AtLaunch)


def awaits_config(field: FieldSpec) -> bool:
    """Whether `configure_at_launch` leaves a field to config: it is required, and holds no resource."""
    return field.required and not resource_classes(field.annotation)
