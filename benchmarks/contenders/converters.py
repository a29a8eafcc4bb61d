"""cattrs and pydantic, which turn text into typed objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import cattrs
import pydantic
from cattrs.gen import make_dict_structure_fn

from benchmarks.contenders.base import Contender, Import, Operation, class_operations
from benchmarks.subjects import Pool, Settings

_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


class Cattrs(Contender):
    """cattrs: its generated function for the class, and its converter."""

    name = "cattrs"

    def settings(self, text: Mapping[str, Any]) -> Mapping[str, Operation]:
        fast = _converter(detailed=False)
        hook = fast.get_structure_hook(Settings)
        detailed = _converter(detailed=True)
        return {
            "structure hook, not detailed": lambda: hook(text, Settings),
            "structure(), detailed": lambda: detailed.structure(text, Settings),
        }


def _converter(*, detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed)
    converter.register_structure_hook(bool, lambda value, _type: _TRUTH[value])
    converter.register_structure_hook_func(lambda kind: kind == list[str], lambda value, _type: value.split(","))
    converter.register_structure_hook_func(lambda kind: kind == list[int], _split_to_ints)
    for cls in (Pool, Settings):
        converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter))
    return converter


def _split_to_ints(value: str, _type: object) -> list[int]:
    return [int(each) for each in value.split(",")]


def _split(value: str) -> list[str]:
    return value.split(",")


class PydanticPool(pydantic.BaseModel):
    """As `subjects.Pool`."""

    name: str
    size: int


class PydanticSettings(pydantic.BaseModel):
    """As `subjects.Settings`."""

    host: str
    port: int
    debug: bool
    retries: int
    user: str
    tags: Annotated[list[str], pydantic.BeforeValidator(_split)]
    shards: Annotated[list[int], pydantic.BeforeValidator(_split)]
    cache: bool
    limit: int
    pool: PydanticPool


class Pydantic(Contender):
    """pydantic."""

    name = "pydantic"
    imports = (Import("import pydantic", "pydantic"),)

    def settings(self, text: Mapping[str, Any]) -> Mapping[str, Operation]:
        return {
            "model_validate()": lambda: PydanticSettings.model_validate(text),
            "constructor": lambda: PydanticSettings(**text),
        }

    def classes(self) -> Mapping[str, Operation]:
        return class_operations(_class)


def _class() -> Any:
    class Database(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(frozen=True)

        host: str
        port: int = 5432
        password: str = pydantic.Field(repr=False)

    return Database


CONTENDERS: Final = (Cattrs(), Pydantic())
