"""The annotations of a function, resolved: from its module, from where it is defined, and when a name appears later."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from resourcekit.annotations.annotation_structure import evaluated
from resourcekit.base.caller import caller_frame

__all__ = ("Annotations", "names_of")


class Annotations:
    """A function's annotations, each resolved as soon as every name in it is defined.

    Args:
        signature: The function's.
        module: The names of its module, as they are by now.
        local: The names of the functions and classes it is defined in, as they were.
    """

    def __init__(self, signature: inspect.Signature, module: dict[str, Any], local: dict[str, Any]) -> None:
        self.unresolved: dict[str, str] = {}
        self._written = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        self._written["return"] = signature.return_annotation
        self._module = module
        self._local = local
        self._resolved: dict[str, Any] = {}
        self._late: list[tuple[Mapping[str, Any], str]] = []
        self.resolve()

    def __getstate__(self) -> dict[str, Any]:
        """What is resolved by now: the names of this process's modules are not sent."""
        return {**self.__dict__, "_module": {}, "_local": {}, "_late": []}

    def __getitem__(self, name: str) -> Any:
        """The annotation of a parameter; ``Parameter.empty`` where it cannot be resolved."""
        return self._resolved.get(name, inspect.Parameter.empty)

    @property
    def are_due(self) -> bool:
        """Whether a name that was missing is there by now."""
        return any(name in where for where, name in self._late)

    def resolve(self) -> None:
        """Resolve what is not resolved yet."""
        unresolved: dict[str, str] = {}
        late: list[tuple[Mapping[str, Any], str]] = []
        for name in self._written.keys() - self._resolved.keys():
            try:
                self._resolved[name] = self._evaluated(self._written[name])
            except (NameError, AttributeError) as error:
                unresolved[name] = str(error)
                where = getattr(error.obj, "__dict__", {}) if isinstance(error, AttributeError) else self._module
                late.append((where, str(error.name)))
        self.unresolved, self._late = unresolved, late  # At once: other threads read them.
        if not late:
            self._local = {}  # Whatever lives there is not to be kept for our sake.

    def _evaluated(self, written: Any) -> Any:
        if isinstance(written, type):
            return written
        try:
            return evaluated(written, self._module, self._local)
        except (NameError, AttributeError):
            raise
        except Exception:  # An annotation may hold anything, and evaluating it raise anything.
            return inspect.Parameter.empty


def names_of(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The names that a function's annotations may use: of its module, and of where it is being defined."""
    written = inspect.unwrap(function)
    if not inspect.isroutine(written):
        written = type(written).__call__  # a callable instance
    module = getattr(written, "__globals__", {})
    variables = {each.__name__: each for each in getattr(written, "__type_params__", ())}
    return module, {**_enclosing(getattr(written, "__qualname__", ""), module), **variables}


def _enclosing(qualname: str, module: Mapping[str, Any]) -> dict[str, Any]:
    """The names in the functions and classes that a function is being defined in."""
    found: dict[str, Any] = {}
    frame = caller_frame() if "." in qualname else None
    while frame is not None:
        if frame.f_globals is module and qualname.startswith(f"{frame.f_code.co_qualname}."):
            found = {**frame.f_locals, **found}
        frame = frame.f_back
    return found
