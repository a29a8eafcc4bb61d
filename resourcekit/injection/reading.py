"""What a signature asks for: which parameters are injected, with what, and what callers see of the others."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import resource_classes
from resourcekit.annotations.annotation_structure import form_of, split, union_members
from resourcekit.base.errors import InjectionError
from resourcekit.declarations.deferred import Reference
from resourcekit.declarations.resource_classes import ConfigurableResourceFactory
from resourcekit.declarations.spec import RECORD
from resourcekit.injection.markers import INJECTED, ResourceParam, is_foreign, is_marked, named_key
from resourcekit.injection.signature_names import Annotations
from resourcekit.injection.uninjected import NotInjected, is_plain_class

__all__ = ("Reading", "Wish", "read_signature")


@attrs.frozen(eq=False, repr=False)
class Wish:
    """What one parameter asks for.

    Args:
        name: The parameter.
        wanted: The type, Any when it does not say.
        is_optional: Whether it may be left to its default, or to None.
        default: What it gets when there is none.
        named: The key that it names itself.
    """

    name: str
    wanted: object
    is_optional: bool = False
    default: object = None
    named: str | None = None

    @property
    def key(self) -> str:
        """The key it asks for by name."""
        return self.name if self.named is None else self.named


@attrs.frozen(eq=False, repr=False)
class Reading:
    """What a signature says, as far as its annotations are resolved by now.

    Args:
        wishes: The parameters that are injected.
        public: The signature without them: what callers and web frameworks see.
        lead: How many positional arguments stand in front of the first injected parameter.
        doubtful: The required parameters that may yet turn out to be injected, each with its place among the
            positional ones.
    """

    wishes: tuple[Wish, ...]
    public: inspect.Signature
    lead: int
    doubtful: Mapping[str, int]


_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def read_signature(
    function: str, signature: inspect.Signature, annotations: Annotations, bound: Collection[str]
) -> Reading:
    """The `Reading` of a signature.

    Args:
        function: The function's name, for messages.
        signature: Its signature.
        annotations: Its annotations.
        bound: The parameters that a `functools.partial` has filled.

    Raises:
        InjectionError: A parameter asks for a factory, not for what it vends, or by a bare `ResourceParam`.
    """
    vended = _vended_types()
    wishes: list[Wish] = []
    kept: list[inspect.Parameter] = []
    doubtful: dict[str, int] = {}
    for name, parameter in signature.parameters.items():
        annotation = annotations[name]
        is_free = parameter.kind not in _VARIABLE and name not in bound
        if is_free and _is_asked(parameter, annotation, vended):
            wishes.append(_wish(function, parameter, annotation))
            continue
        if is_free and parameter.default is parameter.empty and _is_doubtful(name, annotations):
            doubtful[name] = len(kept) if parameter.kind in _POSITIONAL else sys.maxsize
        shown = _shown(parameter.annotation, annotation)
        if is_free and _may_be_missed(parameter, annotation):
            shown = Annotated[annotation, NotInjected(function, name, annotation)]
        kept.append(parameter.replace(annotation=shown))
    returned = _shown(signature.return_annotation, annotations["return"])
    public = inspect.Signature(kept, return_annotation=returned)
    return Reading(tuple(wishes), public, _lead(signature, {wish.name for wish in wishes}), doubtful)


def _is_asked(parameter: inspect.Parameter, annotation: Any, vended: Collection[object]) -> bool:
    if parameter.default is INJECTED or named_key(annotation, parameter.default) is not None:
        return True
    if is_foreign(parameter.default):
        return False
    if annotation is ResourceParam:
        return True
    if is_marked(annotation):
        return True
    if any(map(is_foreign, getattr(annotation, "__metadata__", ()))):
        return False
    return bool(resource_classes(annotation)) or any(member in vended for member in union_members(annotation))


def _wish(function: str, parameter: inspect.Parameter, annotation: Any) -> Wish:
    if annotation is ResourceParam:
        reason = "its annotation ResourceParam does not say of what type"
        raise InjectionError(function, parameter.name, reason, "write ResourceParam[Database], or ResourceParam[Any]")
    for cls in resource_classes(annotation):
        if issubclass(cls, ConfigurableResourceFactory):
            vended = type_name(getattr(cls, RECORD).vended)
            reason = f"it wants {cls.__name__}, a factory, whose users receive {vended}"
            raise InjectionError(function, parameter.name, reason, f"annotate it as ResourceParam[{vended}]")
    wanted = Any if annotation is parameter.empty else annotation
    default, named = parameter.default, named_key(annotation, parameter.default)
    if default is parameter.empty or default is INJECTED or isinstance(default, Reference):
        return Wish(parameter.name, wanted, type(None) in union_members(annotation), named=named)
    return Wish(parameter.name, wanted, True, default, named)


def _is_doubtful(name: str, annotations: Annotations) -> bool:
    return name in annotations.unresolved or any(map(_is_vendable, union_members(annotations[name])))


def _may_be_missed(parameter: inspect.Parameter, annotation: Any) -> bool:
    """Whether a parameter of the caller's looks like one to be injected: it is of a class that is no data."""
    if is_foreign(parameter.default) or hasattr(annotation, "__metadata__"):
        return False
    return any(_is_vendable(member) and is_plain_class(split(member)[0]) for member in union_members(annotation))


def _shown(written: Any, resolved: Any) -> Any:
    """How the public signature has an annotation: resolved, since who reads it may not know the names in it."""
    if not isinstance(written, str) or resolved is inspect.Parameter.empty:
        return written
    return None if resolved is type(None) else resolved


def _lead(signature: inspect.Signature, asked: Collection[str]) -> int:
    kinds = {name: signature.parameters[name].kind for name in asked}
    if inspect.Parameter.POSITIONAL_ONLY in kinds.values():
        return -1
    positional = [name for name, parameter in signature.parameters.items() if parameter.kind in _POSITIONAL]
    return next((place for place, name in enumerate(positional) if name in asked), sys.maxsize)


def _is_vendable(annotation: Any) -> bool:
    """Whether a parameter of this type may be a resource: plain data, a str or a date, hardly ever is."""
    cls = form_of(annotation).cls
    if not isinstance(cls, type) or cls.__module__ in ("builtins", "typing") or cls is inspect.Parameter.empty:
        return False
    from resourcekit.config.scalars import scalar_form  # it loads the classes that have a text form

    return scalar_form(cls) is None


def _vended_types() -> Collection[object]:
    """Every type that some factory vends, but for plain data."""
    found: list[object] = []
    waiting: list[type] = [ConfigurableResourceFactory]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        found += filter(_is_vendable, union_members(getattr(cls, RECORD).vended))
    return found
