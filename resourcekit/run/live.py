"""What a session has up: by key, by declaration, and as the view that users get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resourcekit.base.errors import NotInRunError, RunStateError
from resourcekit.lifecycle.fast.compiled import Compiled
from resourcekit.lifecycle.machine import LiveResource, Scope
from resourcekit.planning.nodes import EVERY_BRANCH, Held, LeftOut
from resourcekit.run.active_overrides import entries_since
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.current import Current
from resourcekit.run.view import LiveView, doubt, view_classes

__all__ = ("Showing",)


class Showing(Current):
    """A session, as far as it is looked at.

    Args:
        blueprint: What it is opened from.
        asked: The keys asked for; None means all.
    """

    _scope: Scope | None = None  # The machine's.
    _code: Compiled | None = None  # Where generated code sets up.
    _kept: tuple[Any, ...] | None = None  # What it needs to tear down, while it is open.
    _view: Any = None
    _left_out: LeftOut = EVERY_BRANCH  # The branches that were not chosen when it was opened.

    def __init__(self, blueprint: Blueprint, asked: tuple[str, ...] | None) -> None:
        self._blueprint = blueprint
        self._asked = asked

    @property
    def _title(self) -> str:
        return self._blueprint.name

    @property
    def _keys(self) -> Sequence[str]:
        if self._left_out:
            return self._blueprint.plan(self._asked, self._left_out).keys
        return tuple(self._blueprint.graph.keys) if self._asked is None else self._asked

    @property
    def _up(self) -> Mapping[int, LiveResource]:
        """What the machine has up here, by identity of the declaration."""
        return {} if self._scope is None else self._scope.live

    @property
    def _shown(self) -> tuple[Compiled, Any] | None:
        """The code that has set up what is up, and the view of it; None where that is not all there is to know."""
        code = self._code
        return None if code is None or self._scope is not None or self._outcome != "open" else (code, self._view)

    def _doubt(self) -> None:
        """An override of the container is entered where this is open: from now on what is asked for is looked at."""
        self._is_doubted = True
        if self._view is not None:
            doubt(self._view)

    def _refuse_overridden(self, held: Held | None) -> None:
        """Refuse to give what this context has overridden since, or what needs it.

        Raises:
            RunStateError: It has.
        """
        graph = self._blueprint.graph
        index = None if held is None else graph.by_identity.get(id(held.identity))
        if index is None:
            return
        for entry in entries_since(self):
            keys = [key for key in graph.keys if entry.changes.replaces(key)]
            if index in graph.above(graph.keys[key] for key in keys):
                name = graph.nodes[index].name
                others = "" if name in keys else f" (it needs {', '.join(keys)})"
                raise RunStateError(
                    f"{name!r} of {self._title} is overridden here{others}, and this run was open before: it keeps "
                    "what it was opened with; enter the override before the run"
                )

    def _live(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, here or in the app scope; None when it is not up."""
        identity, shown = id(held.identity), self._shown
        found = self._up.get(identity) if shown is None else shown[0].live(shown[1], identity)
        return found or self._blueprint.app.find(held)

    def _exposed(self, key: str) -> tuple[bool, Any]:
        """Whether *key* is to be had here, and what its users receive.

        Raises:
            RunStateError: An override of it was entered here later than the run.
        """
        index = self._blueprint.graph.keys.get(key)
        if index is None:
            return False, None
        held = self._blueprint.graph.nodes[index].held
        if self._is_doubted:
            self._refuse_overridden(held)
        if held.kind != "resource":
            return True, held.content
        found = self._live(held)
        return found is not None, None if found is None else found.exposed

    def _is_live(self, key: str) -> bool:
        """Whether *key* is to be had here, overridden or not."""
        held = self._blueprint.graph.nodes[self._blueprint.graph.keys[key]].held
        return held.kind != "resource" or self._live(held) is not None

    def _ask(self, key: str) -> None:
        """Someone reads *key* off the view, after an override was entered."""
        index = self._blueprint.graph.keys.get(key)
        if index is not None:
            self._refuse_overridden(self._blueprint.graph.nodes[index].held)

    def _not_in_run(self, key: str) -> NotInRunError:
        return NotInRunError(key, self._keys, self._blueprint.graph.keys)

    def _opening_view(self) -> Any:
        """The view, to be filled; before any resource is there: the collector ends what was forgotten by the first."""
        names = dict.fromkeys(key.partition(".")[0] for key in self._keys)
        return object.__new__(view_classes(tuple(names)).opening)

    def _show(self) -> Any:
        """The view of what is up."""
        return self._filled(self._view, "", self._keys if self._code is None else self._code.nested)

    def _filled(self, view: Any, prefix: str, keys: Sequence[str]) -> LiveView:
        """*view* with the objects of *keys*, those of nested containers in views of their own."""
        inner: dict[str, list[str]] = {}
        for key in keys:
            name, _, rest = key[len(prefix) :].partition(".")
            if rest:
                inner.setdefault(name, []).append(key)
            else:
                setattr(view, name, self._exposed(key)[1])
        view._run = self
        view._prefix = prefix
        nested = {name: self._nested_view(f"{prefix}{name}.", keys) for name, keys in inner.items()}
        for name, each in nested.items():
            setattr(view, name, each)
        view._nested = tuple(nested.values())
        view.__class__ = view._classes.shown
        shown: LiveView = view
        return shown

    def _nested_view(self, prefix: str, keys: Sequence[str]) -> LiveView:
        names = dict.fromkeys(key[len(prefix) :].partition(".")[0] for key in keys)
        return self._filled(object.__new__(view_classes(tuple(names)).opening), prefix, keys)
