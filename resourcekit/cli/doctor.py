"""`resourcekit doctor`: start resources for real, ask them how they are, and find the root of what is wrong."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, Final, Literal

import attrs

from resourcekit.base.tables import Table, Tabular
from resourcekit.cli.logs import logs_told
from resourcekit.cli.output_masking import masked, secrets_of
from resourcekit.declarations.hooks import health_hook
from resourcekit.lifecycle.report import PhaseEvent
from resourcekit.planning.plan import Plan, Step
from resourcekit.run.health import HealthCheck, health_checks
from resourcekit.run.run import Run

__all__ = ("Diagnosis", "Finding", "examine")

_LONGEST: Final = 300


@attrs.frozen
class Finding:
    """How one resource is.

    Args:
        name: Its key or path.
        owner: Its class.
        status: ``"ok"``, ``"failed"`` (a hook raised), ``"unhealthy"`` (its check did), or ``"skipped"``.
        setup: How long its set-up took, in seconds.
        health: How long its health check took.
        teardown: How long its teardown took.
        detail: What its check told, or what was raised; secrets masked.
        cause: The resource that is the root of it, where that is another.
    """

    name: str
    owner: str
    status: Literal["ok", "failed", "unhealthy", "skipped"]
    setup: float | None = None
    health: float | None = None
    teardown: float | None = None
    detail: str = ""
    cause: str | None = None


@attrs.frozen(eq=False)
class Diagnosis(Tabular):
    """How the resources of a container are.

    Args:
        container: The container's name.
        findings: In the order of the plan.
    """

    container: str
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether everything is."""
        return all(finding.status == "ok" for finding in self.findings)

    @property
    def causes(self) -> tuple[str, ...]:
        """The resources that are the root of what is wrong."""
        wrong = [finding for finding in self.findings if finding.status in ("failed", "unhealthy")]
        return tuple(finding.name for finding in wrong if finding.cause is None)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data, for JSON; times in seconds."""
        findings = [attrs.asdict(finding) for finding in self.findings]
        return {"container": self.container, "ok": self.is_well, "causes": list(self.causes), "findings": findings}

    def tables(self) -> tuple[Table]:
        """The diagnosis as a table."""
        well = sum(finding.status == "ok" for finding in self.findings)
        rows = tuple(
            (
                finding.name,
                finding.status,
                _ms(finding.setup),
                _ms(finding.health),
                _ms(finding.teardown),
                f"needs {finding.cause}" if finding.cause else finding.detail,
            )
            for finding in self.findings
        )
        notes = (f"root cause: {', '.join(self.causes)}",) if self.causes else ()
        title = f"doctor of {self.container}: {well} of {len(self.findings)} ok"
        return (Table(title, ("resource", "status", "set-up", "check", "teardown", "detail"), rows, notes),)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.1f} ms"


def examine(container: Any, keys: Sequence[str], *, together: bool) -> Diagnosis:
    """Start the resources of a container, which has no problems, and say how they are.

    Args:
        container: The container.
        keys: Which; none means all.
        together: In one run; else each with what it needs in a run of its own, and none above one that is not well.
    """
    plan = container.plan(*keys)
    secrets = secrets_of(container, keys)
    findings: dict[str, Finding] = {}
    with logs_told(lambda: secrets):
        for key in [plan.keys] if together else _one_by_one(plan):
            names = _names(plan, key)
            cause = None if together else _cause(plan, names, findings)
            found = _skipped(plan, names, cause) if cause is not None else _visited(container, key, plan, secrets)
            findings |= {finding.name: finding for finding in found if finding.name not in findings}
    ordered = (findings[step.name] for step in plan.steps if step.name in findings)
    return Diagnosis(plan.container, tuple(ordered))


def _one_by_one(plan: Plan) -> list[tuple[str, ...]]:
    """The keys of each resource that has one; those without come with what they stand in."""
    return [step.node.keys[:1] for step in plan.steps if step.node.keys]


def _names(plan: Plan, keys: Sequence[str]) -> list[str]:
    """The resources of a run of *keys*, in order."""
    wanted = {plan.graph.nodes[plan.graph.keys[key]].name for key in keys}
    for step in reversed(plan.steps):
        if step.name in wanted:
            wanted.update(plan.needs[step.name])
    return [step.name for step in plan.steps if step.name in wanted]


def _cause(plan: Plan, names: Sequence[str], findings: Mapping[str, Finding]) -> str | None:
    """The root of why a run of *names* would fail, if it is known to."""
    for name in names:
        known = findings.get(name)
        if known is not None and known.status != "ok":
            return known.cause or name
    return None


def _skipped(plan: Plan, names: Iterable[str], cause: str) -> Iterator[Finding]:
    for step in plan.steps:
        if step.name in names:
            yield Finding(step.name, _owner(step), "skipped", cause=cause)


def _owner(step: Step) -> str:
    return type(step.resource).__name__


# One run


@attrs.define
class _Visit:
    """What became of one run."""

    checked: dict[str, tuple[float, str, bool]] = attrs.field(factory=dict)
    error: BaseException | None = None


def _visited(container: Any, keys: Sequence[str], plan: Plan, secrets: Sequence[str]) -> list[Finding]:
    """Open a run, ask everything in it how it is, close it, and say what was found."""
    names = _names(plan, keys)
    steps = [step for step in plan.steps if step.name in names]
    run = container.run(*keys, report=True)
    visit = _Visit()
    try:
        if any(step.is_async or _is_async_check(step) for step in steps):
            asyncio.run(_avisit(run, visit))
        else:
            with run:
                for check in health_checks(run):
                    _ask(check, visit)
    except Exception as error:  # The hooks are the user's: what they raise is what is looked for.
        visit.error = error
    failed = next((each.name for each in run.report.phases if each.status == "failed"), None)
    unwell = {name for name, (_, _, is_well) in visit.checked.items() if not is_well}
    return [_finding(step, run.report.phases, visit, failed, unwell, plan, secrets) for step in steps]


def _is_async_check(step: Step) -> bool:
    hook = health_hook(type(step.resource))
    return hook is not None and hook.is_async


async def _avisit(run: Run[Any], visit: _Visit) -> None:
    async with run:
        for check in health_checks(run):
            answer = _ask(check, visit)
            if inspect.isawaitable(answer):
                start = perf_counter()
                try:
                    _record(check, visit, start, await answer, True)
                except Exception as error:
                    _record(check, visit, start, error, False)


def _ask(check: HealthCheck, visit: _Visit) -> Any:
    """Call a health check and keep its answer; an awaitable is given back, to be awaited."""
    start = perf_counter()
    try:
        answer = check.call()
    except Exception as error:
        _record(check, visit, start, error, False)
        return None
    if inspect.isawaitable(answer):
        return answer
    _record(check, visit, start, answer, True)
    return None


def _record(check: HealthCheck, visit: _Visit, start: float, answer: object, is_well: bool) -> None:
    words = _words(answer) if isinstance(answer, BaseException) else "" if answer is None else str(answer)
    visit.checked[check.step.name] = (perf_counter() - start, words, is_well)


def _finding(
    step: Step,
    phases: Sequence[PhaseEvent],
    visit: _Visit,
    failed: str | None,
    unwell: set[str],
    plan: Plan,
    secrets: Sequence[str],
) -> Finding:
    mine = [each for each in phases if each.name == step.name]
    raised = next((each for each in mine if each.status == "failed"), None)
    setup = [each.duration or 0.0 for each in mine if not _is_teardown(each)]
    teardown = [each.duration or 0.0 for each in mine if _is_teardown(each)]
    health, words, is_well = visit.checked.get(step.name, (None, "", True))
    found = Finding(
        step.name,
        _owner(step),
        "ok",
        setup=sum(setup) if setup else None,
        health=health,
        teardown=sum(teardown) if teardown else None,
        detail=_line(words, secrets),
    )
    if raised is not None:
        detail = f"{raised.phase}: {_words(raised.error)}"
        return attrs.evolve(found, status="failed", detail=_line(detail, secrets))
    if not is_well:
        above = [name for name in _names_below(plan, step.name) if name in unwell]
        return attrs.evolve(found, status="unhealthy", cause=above[0] if above else None)
    if not setup and failed is not None:
        return attrs.evolve(found, status="skipped", cause=failed)
    return found


def _names_below(plan: Plan, name: str) -> list[str]:
    """What a resource needs, through others too."""
    wanted = set(plan.needs[name])
    for step in reversed(plan.steps):
        if step.name in wanted:
            wanted.update(plan.needs[step.name])
    return [step.name for step in plan.steps if step.name in wanted]


def _is_teardown(event: PhaseEvent) -> bool:
    return event.phase.endswith("(exit)") or event.phase in ("teardown_after_execution", "reset")


def _words(error: BaseException | None) -> str:
    try:
        text = str(error)
    except Exception:  # A user's __str__ must not hide what we have to say.
        text = ""
    return f"{type(error).__name__}: {text}".removesuffix(": ")


def _line(text: str, secrets: Sequence[str]) -> str:
    """The user's words as one line, not too long, secrets masked before anything of them is cut or folded."""
    text = " ".join(masked(text, secrets).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
