"""What is said where a parameter was not injected, and somebody expected that it would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.base.errors import InjectionError

__all__ = ("NotInjected", "is_plain_class", "missing_argument")


def _reason(annotation: object) -> str:
    return f"{type_name(annotation)} is no resource class, and no factory of resourcekit vends it"


def _hint(annotation: object) -> str:
    return f"if a key of the container gives it, write ResourceParam[{type_name(annotation)}]"


def missing_argument(function: str, parameter: str, annotation: object, *, is_keyword: bool) -> TypeError:
    """The error of a call that leaves out an argument of the caller's: in Python's words, with the way out.

    Args:
        function: The function's name.
        parameter: The parameter.
        annotation: Its annotation, resolved.
        is_keyword: Whether it is given by keyword only.
    """
    kind = "keyword-only" if is_keyword else "positional"
    return TypeError(
        f"{function}() missing 1 required {kind} argument: {parameter!r}. It is the caller's: {_reason(annotation)}; "
        f"{_hint(annotation)}"
    )


def is_plain_class(cls: Any) -> bool:
    """Whether a class knows nothing of pydantic, which most likely cannot read it from a request."""
    return not hasattr(cls, "__get_pydantic_core_schema__") and not hasattr(cls, "__dataclass_fields__")


@attrs.frozen(eq=False, repr=False)
class NotInjected:
    """In the annotation that frameworks see of a parameter of the caller's: pydantic asks it for the parameter's form.

    FastAPI does so where a route is declared. A class that pydantic cannot read was to be injected, most likely.

    Args:
        function: The function's name.
        parameter: The parameter.
        annotation: Its annotation, resolved.
    """

    function: str
    parameter: str
    annotation: object

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(source)
        except Exception as error:
            reason = f"it is not injected, and pydantic cannot read it from a request: {_reason(self.annotation)}"
            raise InjectionError(self.function, self.parameter, reason, _hint(self.annotation)) from error

    def __repr__(self) -> str:
        return "not injected"
