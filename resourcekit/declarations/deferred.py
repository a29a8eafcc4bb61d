"""Values that are not there yet: read once per run, never at import."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeVar, overload

import attrs

from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.base.errors import DefinitionError, ResourceKitError, UnresolvedError, kind_in_words, nearest
from resourcekit.base.masking import printable
from resourcekit.base.regular_files import ONE_MIB, FileTooLargeError, read_regular_file
from resourcekit.declarations.values import holds

__all__ = ("Deferred", "EnvVar", "FileVar", "ReadContext", "SourceError", "ref")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_MISSING: Any = attrs.NOTHING


class SourceError(ResourceKitError, LookupError):
    """A source has no value: what `Deferred.read` raises when there is nothing to read.

    Args:
        message: What is missing; it must not hold a value.
        code: ``"missing-variable"``, ``"missing-config"`` or ``"unreadable-source"``.
        hint: The way out.

    >>> SourceError("the vault is sealed").code
    'unreadable-source'
    """

    def __init__(self, message: str, *, code: str = "unreadable-source", hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


@attrs.frozen(eq=False, repr=False)
class ReadContext:
    """What a `Deferred` is told when it is read.

    Args:
        environ: The environment variables of this run.
        where: The key and field that the value is for: ``database.password``.

    >>> ReadContext({"A": "1"}, "database.password").environ["A"]
    '1'
    """

    environ: Mapping[str, str] = attrs.field(repr=False)
    where: str = ""


if TYPE_CHECKING:

    class _FitsAnyField(Any):  # type: ignore[misc]  # seen by type checkers only: assignable to every field
        pass

    class Provides(Protocol[T_co]):
        """A provider of dependency-injector, which only the container layer knows."""

        @property
        def provided(self) -> Any: ...
        def __call__(self, *args: Any, **kwargs: Any) -> T_co: ...
else:
    _FitsAnyField = object


class Deferred(_FitsAnyField):
    """A value that a run reads when it starts: the base for your own sources (a vault, SSM, a keyring).

    Text that `read` gives is converted to the field's type; anything else must already have it.

    >>> class Vault(Deferred):
    ...     def __init__(self, path):
    ...         self.path = path
    ...
    ...     def read(self, context):
    ...         return f"secret of {self.path}"
    ...
    ...     def describe(self):
    ...         return f"vault {self.path}"
    >>> Vault("db").read(ReadContext({}))
    'secret of db'
    """

    __deferred__ = True

    def read(self, context: ReadContext) -> object:
        """The value, now. Called once per run (app scope: once per start).

        Args:
            context: The environment of the run, and which field asks.

        Returns:
            Text, or a value of the field's type.

        Raises:
            SourceError: There is no value. Any other error is reported by its type alone.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read(self, context)")

    def describe(self) -> str:
        """Where the value comes from, in words that may be printed: ``variable DB_HOST``."""
        return type(self).__name__

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise UnresolvedError(type(self).__name__, None, described(self))

    # A deferred value is never silently used as a text or a number (Dagster hands out the variable's name).
    __str__ = __format__ = __int__ = __float__ = __index__ = __bool__ = __len__ = __iter__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __getitem__ = __contains__ = __fspath__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __repr__(self) -> str:
        return f"<{described(self)}>"


def _is_text(given: object) -> bool:
    """Whether *given* is text with something in it."""
    return isinstance(given, str) and given != ""


def _is_count(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given > 0


def _has_no_value_yet(default: object) -> bool:
    """Whether a default is deferred or a resource, or holds one; or holds itself."""
    try:
        return holds(default) > 0
    except RecursionError:
        return True


_OF_EVERY_SHELL: Final = frozenset(
    {"HOME", "HOST", "HOSTNAME", "LANG", "LOGNAME", "MAIL", "OLDPWD", "PATH", "PWD", "SHELL", "SHLVL", "TEMP", "TERM"}
    | {"TMP", "TMPDIR", "USER", "USERNAME"}
)
"""Variables that nobody has set for this program: a misspelt name means another."""


def _read_variable(environ: Mapping[str, str], name: str) -> str:
    found = environ.get(name)
    if found is None:
        near = nearest(name, environ.keys() - _OF_EVERY_SHELL, likeness=0.8)
        hint = f"set it, or give EnvVar({name!r}, default=...)"
        raise SourceError(
            f"variable {name} is not set",
            code="missing-variable",
            hint=hint if near is None else f"{hint}; {near} is set: is that the one?",
        )
    return found


class EnvVar(Deferred):
    """An environment variable, read when a run starts.

    Args:
        name: The variable's name.
        default: The value when the variable is not set: of the field's type, it is not converted.
            A variable that is set but empty is a value.

    >>> EnvVar("DB_PORT", default=5432)
    EnvVar('DB_PORT', default=...)
    >>> EnvVar("DB_PORT").get_value("5433")
    '5433'
    """

    def __init__(self, name: str, *, default: object = _MISSING) -> None:
        if not _is_text(name) or "=" in name or "\0" in name:
            raise DefinitionError("EnvVar wants the name of a variable: text without '=' or NUL, not empty")
        if _has_no_value_yet(default):
            raise DefinitionError(
                f"the default of EnvVar({name!r}) is {kind_in_words(default)} that has no value yet itself, or has no "
                "end; give a value, or write a Deferred that reads one source after the other"
            )
        self.name = name
        self.default = default
        self.target: type | None = None

    @classmethod
    def template(cls, text: str) -> Any:
        """Text with variables in it, read when a run starts.

        Args:
            text: Text with ``{NAME}`` for each variable; ``{{`` and ``}}`` stand for braces.

        Returns:
            A deferred value for a text field.

        Raises:
            DefinitionError: The text has no variable, or a place without a plain name.

        >>> EnvVar.template("postgresql://{DB_USER}:{DB_PASSWORD}@{DB_HOST}/app").describe()
        'template of DB_USER, DB_PASSWORD, DB_HOST'
        """
        return EnvTemplate(text)

    @classmethod
    def int(cls, name: str, *, default: object = _MISSING) -> Any:
        """An environment variable that holds a whole number; in an int field the same as ``EnvVar(name)``.

        Args:
            name: The variable's name.
            default: The number when the variable is not set.

        >>> EnvVar.int("DB_PORT")
        EnvVar.int('DB_PORT')
        """
        variable: EnvVar = cls(name, default=default)
        variable.target = int
        return variable

    def read(self, context: ReadContext) -> object:
        """The variable's text, or the default when it is not set.

        Raises:
            SourceError: The variable is not set and there is no default.
        """
        return self.default if self.uses_default(context.environ) else _read_variable(context.environ, self.name)

    def uses_default(self, environ: Mapping[str, str]) -> bool:
        """Whether the default stands in for a variable that is not set.

        Args:
            environ: The environment variables.

        >>> EnvVar("DB_PORT", default=5432).uses_default({})
        True
        """
        return self.default is not _MISSING and environ.get(self.name) is None

    def get_value(self, default: object = None) -> Any:
        """The variable's text now, outside any run; of `EnvVar.int` the number.

        Args:
            default: What is returned when the variable is not set and has no default of its own.

        Raises:
            SourceError: A number is wanted, and the variable has another text.

        >>> EnvVar("SURELY_NOT_SET").get_value() is None
        True
        """
        found = os.environ.get(self.name)
        if found is None:
            return default if self.default is _MISSING else self.default
        if self.target is None:
            return found
        try:
            return self.target(found)
        except ValueError:
            pass  # Its words have the value.
        raise SourceError(f"variable {self.name} is not a whole number")

    def describe(self) -> str:
        """``variable NAME``."""
        return f"variable {self.name}"

    def __repr__(self) -> str:
        call = "EnvVar" if self.target is None else "EnvVar.int"
        default = "" if self.default is _MISSING else ", default=..."  # It may be a secret field's default.
        return f"{call}({self.name!r}{default})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EnvVar):
            return NotImplemented
        return (self.name, self.default, self.target) == (other.name, other.default, other.target)

    def __hash__(self) -> builtins.int:  # in this class, `int` is the method
        return hash((EnvVar, self.name))


class EnvTemplate(Deferred):
    """Text made of variables: what `EnvVar.template` gives."""

    def __init__(self, text: str) -> None:
        from string import Formatter  # the one user of a module that costs as much as this one

        try:
            parts = list(Formatter().parse(text))
        except (ValueError, TypeError):
            parts = []
        names = [name for _, name, _, _ in parts if name is not None]
        odd = any(spec or conversion for _, name, spec, conversion in parts if name is not None)
        if not names or odd or not all(name.isidentifier() for name in names):
            raise DefinitionError(
                "EnvVar.template wants text with {NAME} for each variable, such as 'http://{API_HOST}/v1'; "
                "write {{ and }} for braces"
            )
        self._parts = tuple((literal, name) for literal, name, _, _ in parts)
        self.names = tuple(dict.fromkeys(names))

    def read(self, context: ReadContext) -> object:
        """The text with every variable in its place.

        Raises:
            SourceError: Variables are not set; every one of them is named.
        """
        missing = [name for name in self.names if context.environ.get(name) is None]
        if len(missing) > 1:
            raise SourceError(
                f"variables {', '.join(missing)} are not set", code="missing-variable", hint="set every one of them"
            )
        return "".join(
            literal + ("" if name is None else _read_variable(context.environ, name)) for literal, name in self._parts
        )

    def describe(self) -> str:
        """``template of NAME, NAME``: the literal text is not shown, it may hold a secret."""
        return f"template of {', '.join(self.names)}"

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, EnvTemplate) else NotImplemented

    def __hash__(self) -> int:
        return hash((EnvTemplate, self._parts))


class FileVar(Deferred):
    """The text of a file, read when a run starts; a byte order mark and one trailing newline are stripped.

    Args:
        path: The file, such as ``/run/secrets/db_password``; a relative path starts at the working directory. It must
            be a regular file, or a link to one: no pipe, device or directory.
        limit: The most bytes that the file may hold; 1 MiB unless given.

    >>> FileVar("/run/secrets/db_password")
    FileVar('/run/secrets/db_password')
    """

    def __init__(self, path: str | os.PathLike[str], *, limit: int = ONE_MIB) -> None:
        text = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not _is_text(text) or "\0" in text:
            raise DefinitionError("FileVar wants the path of a file: text without NUL, not empty")
        if not _is_count(limit):
            raise DefinitionError("the limit of FileVar is how many bytes the file may hold: a whole number, 1 or more")
        self.path = text
        self.limit = limit

    def read(self, context: ReadContext) -> object:
        """The file's text.

        Raises:
            SourceError: The file is missing, no regular file, too large, not readable or not UTF-8.
        """
        try:
            text = read_regular_file(self.path, self.limit).decode("utf-8-sig")
        except FileTooLargeError as error:
            reason, hint = _why_unreadable(error), "check the path; a larger file is read with FileVar(..., limit=...)"
        except (OSError, ValueError) as error:
            reason, hint = _why_unreadable(error), "check the path and its permissions"
        else:
            return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
        raise SourceError(f"file {self.path} cannot be read: {reason}", hint=hint)

    def describe(self) -> str:
        """``file PATH``."""
        return f"file {self.path}"

    def __repr__(self) -> str:
        limit = "" if self.limit == ONE_MIB else f", limit={self.limit}"
        return f"FileVar({self.path!r}{limit})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FileVar):
            return NotImplemented
        return (self.path, self.limit) == (other.path, other.limit)

    def __hash__(self) -> int:
        return hash((FileVar, self.path))


def _why_unreadable(error: Exception) -> str:
    """The reason in words that hold nothing of the file's content."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 (byte {error.start})"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "its path is not valid"


@overload
def ref(key: str, /) -> Any: ...
@overload
def ref(provider: Provides[T], /) -> T: ...
def ref(target: Any, /) -> Any:
    """Another resource of the same container, by its key; or a provider, typed as what it gives.

    A field accepts a dependency-injector provider as it is; ``ref(provider)`` tells a type checker that it does.

    Args:
        target: A key, dotted for a nested container's: ``"storage.db"``; or a provider.

    Returns:
        A deferred value; of a provider, the provider itself.

    Raises:
        DefinitionError: It is neither.

    >>> ref("database")
    ref('database')
    """
    return target if is_deferred(target) else Reference(target)


class Reference(Deferred):
    """A key of the same container: what `ref` gives."""

    def __init__(self, key: str) -> None:
        if not _is_text(key):
            raise DefinitionError("ref wants the key of a resource, such as ref('database')")
        self.key = key

    def read(self, context: ReadContext) -> object:
        """Never called: a reference is an edge of the graph.

        Raises:
            SourceError: Always.
        """
        raise SourceError(f"key {self.key!r} is known to a container only", hint="declare this resource in a container")

    def describe(self) -> str:
        """``key 'KEY'``."""
        return f"key {self.key!r}"

    def __repr__(self) -> str:
        return f"ref({self.key!r})"

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Reference) else NotImplemented

    def __hash__(self) -> int:
        return hash((Reference, self.key))


class Computed(Deferred):
    """A field's value that cannot be made yet: its default or its converter reads a field without a value.

    Args:
        needs: The field it reads.
        given: What the converter waits to convert; NOTHING when it is the default that waits.
    """

    def __init__(self, needs: str, given: object = _MISSING) -> None:
        self.needs = needs
        self.given = given

    def describe(self) -> str:
        """What it waits for."""
        return f"its {'default' if self.given is _MISSING else 'converter'}, which needs {self.needs}"

    def __eq__(self, other: object) -> bool:
        return (self.needs, self.given) == (other.needs, other.given) if isinstance(other, Computed) else NotImplemented

    def __hash__(self) -> int:
        return hash((Computed, self.needs))


def is_source(value: object) -> bool:
    """Whether config is read from *value*, rather than the graph or other fields."""
    return isinstance(value, Deferred) and not isinstance(value, Reference | Computed)


def described(value: Deferred) -> str:
    """Where *value* comes from, also when its own `describe` fails."""
    try:
        return printable(str(value.describe()))
    except Exception:  # A user's describe() must not hide what we have to say.
        return type(value).__name__
