"""What a run gives: the live resources, as attributes."""

from __future__ import annotations

from typing import Any

from resourcekit.errors import NotInRunError, RunStateError
from resourcekit.run.session import Session

__all__ = ("LiveView",)


class LiveView:
    """What a run gives: the live resource of each key as an attribute."""

    def __init__(self, session: Session, prefix: str = "") -> None:
        here = self.__dict__
        here["_session"] = session
        here["_prefix"] = prefix
        if session.shows(here):
            return
        for key in session.keys:
            if not key.startswith(prefix):
                continue
            name, _, inner = key[len(prefix) :].partition(".")
            if not inner:
                here[name] = session.exposed(key)[1]
            elif name not in here:
                here[name] = LiveView(session, f"{prefix}{name}.")

    def __getattribute__(self, name: str) -> Any:
        get = object.__getattribute__
        if name[:1] != "_" and not get(self, "_session").is_open:
            raise RunStateError(f"this run has ended, {name!r} is no longer to be had from it; open another with run()")
        return get(self, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        session = self._session
        raise NotInRunError(self._prefix + name, session.keys, session.blueprint.graph.keys)

    def __setattr__(self, name: str, value: object) -> None:
        raise RunStateError(f"{name!r} cannot be set on a run; use container.override({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise RunStateError(f"{name!r} cannot be deleted from a run")

    def __dir__(self) -> list[str]:
        return [name for name in self.__dict__ if name[0] != "_"]

    def __repr__(self) -> str:
        return f"<live resources of {self._session.blueprint.name}: {', '.join(dir(self))}>"

    def __reduce__(self) -> Any:
        raise RunStateError("live resources cannot be pickled; send the container, and open a run where it arrives")
