"""Questions about a type: which classes fit it, which resources are in it, what is wanted at a place inside."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_structure import form_of, union_members
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import (
    has_fields,
    is_annotated,
    is_protocol,
    is_typed_dict,
    promoted_types,
    protocol_members,
    refused_types,
)

__all__ = ("accepts", "element_annotation", "exact_type", "literal_fields", "resource_classes")


def resource_classes(annotation: Any) -> tuple[type, ...]:
    """Give every class of resources that a value of this annotation may hold, in the order written, each once.

    Looks into unions, containers and the arguments of generic classes; not into `type[R]` and `Callable`, whose values
    hold no resource, nor into the arguments of a resource class.

    Example:
        >>> resource_classes(dict[str, int])
        ()
    """
    found: dict[type, None] = {}
    visited: list[forms.Form] = []
    pending = [annotation]
    while pending:
        form = form_of(pending.pop(0))
        if isinstance(form, forms.Resource):
            found[form.cls] = None
        elif form.arguments and not isinstance(form, forms.ClassOf | forms.Choice) and form not in visited:
            visited.append(form)
            pending[:0] = form.arguments
    return tuple(found)


def exact_type(annotation: Any) -> type | None:
    """Give the class C for which `type(value) is C` alone proves a value right, or None where there is none.

    None for unions, literals, protocols, abstract and path classes (whose instances are always of a subclass), and for
    every container, bare or not: what is in it may not be there yet.

    Example:
        >>> exact_type(int), exact_type(list[int])
        (<class 'int'>, None)
    """
    form = form_of(annotation)
    cls: type = form.cls
    if not isinstance(form, forms.Scalar | forms.Record | forms.Resource) or cls is type or inspect.isabstract(cls):
        return None
    if isinstance(form, forms.Resource):
        return cls
    return None if is_protocol(cls) or is_typed_dict(cls) or hasattr(cls, "__fspath__") else cls


def accepts(annotation: Any, offered: Any) -> bool:
    """Tell whether an instance of the class *offered* could be right for a field of this annotation.

    Classes alone decide: what is in a container or a literal is not looked at, and of a Protocol only the methods
    count. *offered* may be a generic alias, `Box[int]`, or a union, of which one member is enough. What is not
    understood is right.

    Example:
        >>> accepts(float, int), accepts(int, bool), accepts(int | None, str)
        (True, False, False)
    """
    offers = [form_of(offer).cls for offer in union_members(offered)]
    return any(_accepts_class(form_of(member), offer) for member in union_members(annotation) for offer in offers)


def _accepts_class(form: forms.Form, offered: Any) -> bool:
    """`accepts` for one member of a union and one class."""
    if not isinstance(offered, type) or offered is Any or isinstance(form, forms.Anything | forms.Own):
        return True
    if isinstance(form, forms.Choice):
        return any(type(option) is offered for option in form.arguments)
    if offered.__module__ == "unittest.mock" and form.cls.__module__ != "builtins":
        return True
    if is_protocol(form.cls):
        return all(_has_method(offered, name) for name in protocol_members(form.cls)[0])
    return _is_subclass(offered, dict if is_typed_dict(form.cls) else form.cls)


def _has_method(cls: type, name: str) -> bool:
    """Whether instances have the attribute: defined (None takes a definition back), or at least declared."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name] is not None
    return is_annotated(cls, name)


def _is_subclass(offered: type, cls: type) -> bool:
    """`issubclass`, with the rules for bool, datetime, str and int."""
    if issubclass(offered, refused_types(cls)):
        return False
    try:
        return issubclass(offered, (cls, *promoted_types(cls)))
    except TypeError:  # the class refuses the question
        return True


def literal_fields(cls: type) -> dict[Any, tuple[Any, ...]]:
    """Give the options of each field that is a `Literal`, by what a mapping may call it: the tags of a tagged union."""
    read = {name: form_of(annotation) for name, annotation in field_annotations(cls).items()}
    return {name: form.arguments for name, form in read.items() if isinstance(form, forms.Choice)}


def element_annotation(annotation: Any, value: object, position: object) -> Any:
    """Give the annotation of one element of a container.

    Args:
        annotation: The annotation of the container. Of a union, the first member that takes this kind of value counts.
        value: The container.
        position: The key in a mapping, else the index; in a set, any.

    Returns:
        In a mapping, the annotation of its values, or of the field of that name where the annotation is an attrs
        class, a dataclass or a TypedDict. `Any` where nothing is known.

    Example:
        >>> element_annotation(dict[str, int] | tuple[str, bool], ("a", True), 1)
        <class 'bool'>
    """
    for member in union_members(annotation):
        form = form_of(member)
        if _takes_kind(form, value):
            return _element(form, value, position)
    return Any


def _takes_kind(form: forms.Form, value: object) -> bool:
    """Whether such a container is taken, whatever is in it."""
    if isinstance(form, forms.Record):
        return has_fields(form.cls) and isinstance(value, Mapping)
    is_container = isinstance(form, forms.Sequence | forms.FixedTuple | forms.Mapping)
    return is_container and isinstance(value, form.cls) and not isinstance(value, refused_types(form.cls))


def _element(form: forms.Form, value: Any, position: Any) -> Any:
    """The annotation of the element at *position* of a container that the form takes."""
    match form:
        case forms.Record():
            return field_annotations(form.annotation).get(position, Any)
        case forms.FixedTuple():
            items = form.items(len(value))
            return items[position] if isinstance(position, int) and -len(items) <= position < len(items) else Any
        case forms.Mapping():
            return form.value
        case forms.Sequence() if not isinstance(value, Mapping):
            return form.item
        case _:  # what an Iterable[str] says of a mapping, it says of the keys
            return Any
