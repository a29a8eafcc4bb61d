"""What a type annotation says, for whoever asks: which values are right, what it is called, which resources are in it.

The only part that knows what `typing` and `collections.abc` offer, typing_extensions' own forms included. Nothing here
fails on an annotation that it does not understand: such a one allows everything. `validators` is apart: a value that is
right at first sight needs none.
"""

from resourcekit.annotations.classes import is_deferred, is_resource_class, is_structured
from resourcekit.annotations.names import type_name
from resourcekit.annotations.structure import (
    accepts,
    element_annotation,
    exact_type,
    field_annotations,
    fixed_items,
    resource_classes,
    union_members,
    unwrap,
)

__all__ = (
    "accepts",
    "element_annotation",
    "exact_type",
    "field_annotations",
    "fixed_items",
    "is_deferred",
    "is_resource_class",
    "is_structured",
    "resource_classes",
    "type_name",
    "union_members",
    "unwrap",
)
