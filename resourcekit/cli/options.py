"""The options that several commands take, and what the suffix of an output file says."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import attrs
from cyclopts import Parameter, Token
from dotenv import dotenv_values

from resourcekit.cli.choosing import Chosen
from resourcekit.cli.target_containers import containers_of
from resourcekit.cli.targets import containers_at
from resourcekit.cli.user_errors import CommandError

__all__ = ("DEFAULT", "ENV_SUFFIXES", "FLAG", "GRAPH_SUFFIXES", "ONE", "Common", "Output", "TargetText")


def _as_written(_hint: object, tokens: Sequence[Token]) -> str:
    return tokens[0].value


TargetText = Annotated[str | Path, Parameter(converter=_as_written)]  # Shells complete a Path with the names of files.
ONE = Parameter(negative="", consume_multiple=False, show_default=False)
FLAG = Parameter(negative="", show_default=False)


@Parameter(name="*")
@attrs.frozen
class Common:
    """What every command takes."""

    env: Annotated[str | None, Parameter(help="The environment; by default what its variable says.")] = None
    config: Annotated[
        tuple[Path, ...], ONE, Parameter(help="An overlay file (TOML, JSON, YAML); may be given several times.")
    ] = ()
    env_file: Annotated[tuple[Path, ...], ONE, Parameter(help="A .env file; variables that are set already win.")] = ()

    def load(self) -> None:
        """Set the variables of the .env files, before any of the user's code is imported."""
        found: dict[str, str | None] = {}
        for file in self.env_file:
            if not file.is_file():
                raise CommandError(f"no file {file}")
            try:
                found |= dotenv_values(file)
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{file} cannot be read: {getattr(error, 'strerror', 'it is no text')}") from None
        for name, text in found.items():
            if text is not None:
                os.environ.setdefault(name, text)

    def chosen(self, target: str | Path) -> Chosen:
        """The containers at a TARGET."""
        self.load()
        return containers_of(containers_at(str(target)), self.env, self.config)


DEFAULT: Final = Common()
GRAPH_SUFFIXES: Final = {
    ".svg": ("svg",),
    ".html": ("html",),
    ".mmd": ("mermaid",),
    ".mermaid": ("mermaid",),
    ".dot": ("dot",),
    ".gv": ("dot",),
    ".json": ("json",),
    ".txt": ("text",),
}
ENV_SUFFIXES: Final = {
    ".md": ("markdown",),
    ".env": ("dotenv",),
    ".env.example": ("dotenv",),
    ".schema.json": ("json-schema",),
    ".json": ("json", "json-schema"),
    ".txt": ("text",),
}
Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]
