"""Which key of a container fills a parameter: by name, else by a unique type."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts
from resourcekit.annotations.annotation_structure import arguments_of, split, substituted, type_arguments, union_members
from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.annotations.validators import build_validator
from resourcekit.base.errors import InjectionError, kind_in_words, listed, nearest, with_article
from resourcekit.injection.function import FunctionSpec
from resourcekit.injection.reading import Wish
from resourcekit.planning.nodes import Held
from resourcekit.run.blueprint import Blueprint

__all__ = ("check_value", "find_key", "held_at", "key_for", "key_of_type", "no_key", "wants_provider")


def held_at(blueprint: Blueprint, key: str) -> Held:
    """What a key holds."""
    return blueprint.graph.nodes[blueprint.graph.keys[key]].held


def key_for(spec: FunctionSpec, wish: Wish, blueprint: Blueprint) -> str | None:
    """`find_key`, asked once for each parameter and container."""
    known = spec.keys.setdefault(blueprint, {})
    if wish.name not in known:
        known[wish.name] = find_key(spec.name, wish, blueprint)
    return known[wish.name]


def find_key(function: str, wish: Wish, blueprint: Blueprint) -> str | None:
    """The key that fills *wish*: the one it names, of its name, else the only one of its type; None: there is none.

    Raises:
        InjectionError: The key of that name is of another type, or several keys are of the type.
    """
    fitting = _fitting_keys(wish, blueprint)
    if wish.key in blueprint.graph.keys:
        held = held_at(blueprint, wish.key)
        if not _fits(wish, held):
            raise _wrong_type(function, wish, _found(held), fitting)
        return wish.key
    if wish.named is not None:
        return None
    if len(fitting) > 1:
        raise no_key(function, wish, blueprint)
    return fitting[0] if fitting else None


def key_of_type(wanted: object, blueprint: Blueprint) -> str:
    """The only key whose users receive the type *wanted*: what a container's `get` looks for.

    Raises:
        TypeError: It is no type.
        InjectionError: There is none, or there are several.
    """
    keys = listed(list(blueprint.graph.keys)) or "none"
    if not isinstance(wanted, type) and split(wanted)[0] is wanted:
        given = kind_in_words(wanted)
        raise TypeError(f"get() wants a key of {blueprint.name} or a type, not {given}; its keys: {keys}")
    name = type_name(wanted)
    fitting = _fitting_keys(Wish(name, wanted), blueprint)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise InjectionError("get", name, f"{blueprint.name} has no key of type {name}; its keys: {keys}")
    calls = " or ".join(f"get({key!r})" for key in sorted(fitting))
    raise InjectionError("get", name, f"{blueprint.name} has {len(fitting)} keys of type {name}", f"use {calls}")


def _fitting_keys(wish: Wish, blueprint: Blueprint) -> list[str]:
    """The keys known to be of the type of *wish*; one thing under several keys is one."""
    return [node.keys[0] for node in blueprint.graph.nodes if node.keys and _is_of_type(wish, node.held)]


def no_key(function: str, wish: Wish, blueprint: Blueprint) -> InjectionError:
    """The error of a container that has nothing under the name of *wish*: it proposes what is of the type."""
    missing = f"{blueprint.name} has no key {wish.key!r}"
    fitting = _fitting_keys(wish, blueprint)
    if not fitting:
        keys = list(blueprint.graph.keys)
        of_type = "" if wish.wanted is Any else f" and none of type {type_name(wish.wanted)}"
        reason = f"{missing}{of_type}; its keys: {listed(keys) or 'none'}"
        return InjectionError(function, wish.name, reason, _way_to_a_key(wish, blueprint))
    name = type_name(wish.wanted)
    found = f"; {fitting[0]!r} holds {name}" if len(fitting) == 1 else f", and {len(fitting)} of type {name}"
    near = nearest(wish.key, fitting)
    hint = f"did you mean {near}?" if near and _is_writable(wish, near) else _other_names(wish, fitting)
    return InjectionError(function, wish.name, missing + found, hint)


def _way_to_a_key(wish: Wish, blueprint: Blueprint) -> str:
    """What to do where no key is known to be of the type: the nearest by name may be of another type."""
    near = nearest(wish.key, blueprint.graph.keys)
    wanted = "a value" if wish.wanted is Any else with_article(type_name(wish.wanted))
    if near is None:
        return f"add {wanted} under that key"
    held = held_at(blueprint, near)
    if _fits(wish, held):
        return f"did you mean {near}?" if _is_writable(wish, near) else _other_names(wish, [near])
    return f"the nearest, {near}, holds {type_name(_found(held))}: add {wanted} under {wish.key!r}"


def _found(held: Held) -> Any:
    return type(held.content) if held.kind == "value" else _offered(held)


def check_value(function: str, wish: Wish, value: object) -> None:
    """Refuse a value of the wrong type, where that could not be known before it was there.

    Raises:
        InjectionError: It is.
    """
    if not _is_right(wish, value):
        raise _wrong_type(function, wish, type(value), ())


def _wrong_type(function: str, wish: Wish, found: Any, fitting: Collection[str]) -> InjectionError:
    name, wanted = type_name(found), type_name(wish.wanted)
    where = "the key of that name" if wish.named is None else f"key {wish.named!r}"
    reason = f"it wants {wanted}, {where} holds {name}"
    if fitting:
        hint = _other_names(wish, fitting, "name it")
    elif name == wanted:
        reason = f"{reason}, another class of that name, of {found.__module__}"
        hint = "if a module was reloaded, or a cell run again, make the container and the function anew too"
    else:
        hint = f"give {with_article(wanted)} there, or change the parameter's name or annotation"
    return InjectionError(function, wish.name, reason, hint)


def _other_names(wish: Wish, fitting: Collection[str], rename: str = "name the parameter") -> str:
    """How to ask for what is of the type."""
    if wish.named is not None:
        return "write " + " or ".join(f"ref({key!r})" for key in sorted(fitting))
    if not all(_is_writable(wish, key) for key in fitting):
        return "give it the default " + " or ".join(f"ref({key!r})" for key in sorted(fitting))
    return f"{rename} {' or '.join(sorted(fitting))}"


def _is_writable(wish: Wish, key: str) -> bool:
    """Whether a key can be written where *wish* stands: no parameter has the name of a nested container's key."""
    return wish.named is not None or "." not in key


def _fits(wish: Wish, held: Held) -> bool:
    """Whether a key of the right name is of the right type, as far as that is known before it is up."""
    if held.kind == "value":
        return _is_right(wish, held.content)
    return wants_provider(wish, held) or held.offers is Any or _takes(wish.wanted, _offered(held))


def wants_provider(wish: Wish, held: Held) -> bool:
    """Whether *wish* asks for the provider that a key holds, ``Factory[Basket]``, not for what that gives.

    What it gives is not known: dependency-injector's classes drop what stands in the brackets.
    """
    if held.kind != "provider":
        return False
    classes = (split(member)[0] for member in union_members(wish.wanted))
    return any(hasattr(cls, "__IS_PROVIDER__") and isinstance(held.content, cls) for cls in classes)


def _is_of_type(wish: Wish, held: Held) -> bool:
    """Whether something is known to be what *wish* wants."""
    offered = _offered(held)
    if wish.wanted is Any or offered is Any:
        return False
    wanted = [member for member in union_members(wish.wanted) if member is not type(None)]
    return any(_takes(member, offered) for member in wanted) and _fits(wish, held)


def _offered(held: Held) -> Any:
    """The type that a key gives its users, as well as it is known."""
    if held.offers is type(held.content):
        return getattr(held.content, "__orig_class__", held.offers)  # Repo[int] of Repo[int](...)
    if held.offers is not Any or held.kind == "provider":
        return held.offers
    return type(held.content)


def _takes(wanted: object, offered: object) -> bool:
    """`accepts`, where the arguments of generic classes count too, as far as both are known."""
    members, offers = union_members(wanted), union_members(offered)
    return any(accepts(member, offer) and _agree(member, offer) for member in members for offer in offers)


def _agree(wanted: Any, offered: Any) -> bool:
    """Whether ``Repo[int]`` may be what *offered* is: ``Repo[str]``, or a class that derives from that, is not."""
    cls, arguments = split(wanted)
    made, _ = split(offered)
    if not arguments or not isinstance(cls, type) or not isinstance(made, type):
        return True
    known = arguments_of(offered)
    if made is not cls:
        known = {name: substituted(each, known) for name, each in type_arguments(made, cls).items()}
    pairs = zip(getattr(cls, "__parameters__", ()), arguments, strict=False)
    return all(accepts(argument, known.get(name, Any)) for name, argument in pairs)


def _is_right(wish: Wish, value: object) -> bool:
    if is_deferred(value):  # A field takes it for what it will give; a function gets it as it is.
        return accepts(wish.wanted, type(value))
    return build_validator(wish.wanted).matches(None, None, value)
