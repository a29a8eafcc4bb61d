"""What an execution did: `ExecutionResult`, and a `StepResult` for each step."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

import attrs

from resourcekit.base.errors import SetupError, TeardownError, UnknownKeyError
from resourcekit.base.masking import printable
from resourcekit.definitions.model.asset_keys import AssetKey, as_asset_key
from resourcekit.definitions.model.failures import StepStateError
from resourcekit.definitions.model.outputs import Output
from resourcekit.definitions.model.steps import Step
from resourcekit.lifecycle.outcome import TEARDOWN_NOTE, told

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ("ExecutionResult", "StepResult")

V = TypeVar("V")

Status = Literal["success", "failed", "skipped"]


@attrs.frozen(eq=False, kw_only=True)
class StepResult:
    """What became of one step.

    Args:
        name: The step.
        kind: ``"asset"`` or ``"op"``.
        status: ``"success"``, ``"failed"`` or ``"skipped"``.
        error: What it raised; a note on it names the step.
        reason: Why it was skipped.
        attempts: How often it was run.
        duration: How long it took, retries and all, in seconds; None for a skipped one.
        metadata: What the step and its IO manager told of its value.
        gives_value: Whether it has a value.

    >>> StepResult(name="orders", kind="asset", status="success").success
    True
    """

    name: str
    kind: str
    status: Status
    error: Exception | None = attrs.field(default=None, repr=False)
    reason: str | None = None
    attempts: int = 0
    duration: float | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    gives_value: bool = False

    @property
    def success(self) -> bool:
        """Whether it has done what it should."""
        return self.status == "success"

    def __str__(self) -> str:
        took = "" if self.duration is None else f" in {self.duration:.2f} s"
        tries = f", {self.attempts} attempts" if self.attempts > 1 else ""
        error = "" if self.error is None else ": " + "\n    ".join(_told(self.error))
        text = f"{self.name}  {self.status}{took}{tries}{f': {self.reason}' if self.reason else error}"
        return printable(text, keep="\n\t")


@attrs.frozen(eq=False, kw_only=True)
class ExecutionResult:
    """What an execution did: its steps, their values, everything that went wrong.

    An error that `materialize` raises has it too, as its ``execution_result``. Pickled, it leaves its values behind.

    Args:
        name: The job's name; for assets, ``"materialize"``.
        run_id: The execution's identifier.
        tags: What the caller gave it.
        steps: What became of each chosen step, in the order they were declared.
        errors: Everything that was raised: by steps, by resources that were set up or torn down.

    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def orders() -> list[str]:
    ...     return ["tea"]
    >>> result = materialize([orders], run_id="r1")
    >>> result.success, result.output_for(orders)
    (True, ['tea'])
    """

    name: str
    run_id: str
    tags: Mapping[str, str] = attrs.field(factory=dict)
    steps: Mapping[str, StepResult] = attrs.field(factory=dict)
    errors: tuple[BaseException, ...] = attrs.field(default=(), repr=False)
    _outputs: Mapping[str, Any] = attrs.field(factory=dict, repr=False, alias="outputs")

    @property
    def success(self) -> bool:
        """Whether every step, every setup and every teardown went well."""
        return not self.errors

    @property
    def failures(self) -> tuple[StepResult, ...]:
        """The steps that failed; each has its ``error``."""
        return tuple(step for step in self.steps.values() if step.status == "failed")

    @property
    def skipped(self) -> tuple[StepResult, ...]:
        """The steps that were not run; each has its ``reason``."""
        return tuple(step for step in self.steps.values() if step.status == "skipped")

    @overload
    def output_for(self, step: Step[..., Awaitable[Output[V]]], /) -> V: ...
    @overload
    def output_for(self, step: Step[..., Awaitable[V]], /) -> V: ...
    @overload
    def output_for(self, step: Step[..., Output[V]], /) -> V: ...
    @overload
    def output_for(self, step: Step[..., V], /) -> V: ...
    @overload
    def output_for(self, step: AssetKey | str, /) -> Any: ...
    def output_for(self, step: Any, /) -> Any:
        """The value that a step gave in this execution.

        Args:
            step: The asset or op, its name, or an asset's key.

        Returns:
            The value; None for a step that gives none.

        Raises:
            UnknownKeyError: It is no step of this execution.
            StepStateError: It failed, or was skipped; or the result comes from another process.
        """
        name = step.name if isinstance(step, Step) else step if isinstance(step, str) else str(as_asset_key(step, ""))
        found = self.steps.get(name)
        if found is None:
            raise UnknownKeyError(name, f"{self.name} {self.run_id}", self.steps)
        if found.error is not None:
            raise StepStateError(name, f"it failed with {type(found.error).__name__}: {found.error}") from found.error
        if found.reason is not None:
            raise StepStateError(name, f"it was skipped: {found.reason}")
        if found.gives_value and name not in self._outputs:
            raise StepStateError(name, "this result was pickled, its values stayed behind")
        return self._outputs.get(name)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle, which the errors that carry it need: without the values, which may be anything."""
        state = {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}
        return {**state, "tags": dict(self.tags), "_outputs": {}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def output_for_node(self, name: str) -> Any:
        """`output_for` under Dagster's name.

        Args:
            name: The step.
        """
        return self.output_for(name)

    def __str__(self) -> str:
        done = sum(step.success for step in self.steps.values())
        lines = [f"{self.name} {self.run_id}: {'success' if self.success else 'failed'}, {done} of {len(self.steps)}"]
        of_steps = {id(step.error) for step in self.steps.values()}
        told = [str(step) for step in self.steps.values()]
        told += ["\n    ".join(_told(each)) for each in _apart(self.errors) if id(each) not in of_steps]
        return "\n  ".join(printable(line, keep="\t") for line in [*lines, *"\n".join(told).splitlines()])

    def __rich__(self) -> Text:
        """What rich prints: the same lines, in colour."""
        from rich.text import Text

        head, *lines = str(self).splitlines()
        text = Text(head, style="green" if self.success else "bold red")
        for line in lines:
            _, _, rest = line.strip().partition("  ")
            text.append(f"\n{line}", style=_STYLES.get(rest.partition(" ")[0].rstrip(":"), ""))
        return text


_STYLES: Final = {"success": "green", "failed": "red", "skipped": "yellow"}


def _apart(errors: Iterable[BaseException]) -> Iterator[BaseException]:
    """Each error that a hook raised by itself: a group says only how many there are."""
    for error in errors:
        if isinstance(error, TeardownError | SetupError):
            yield from error.exceptions
        else:
            yield error


def _told(error: BaseException) -> list[str]:
    """What to say of an error: with the notes that name step, resource or IO manager, without those on other errors."""
    text = "\n".join(told(error)).partition(f"\n{TEARDOWN_NOTE}")[0]
    return [line.removeprefix("resourcekit: ") for line in text.splitlines()]
