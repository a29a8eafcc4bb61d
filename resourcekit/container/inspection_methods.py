"""What a container tells of itself before anything runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from resourcekit.base.errors import Problem
from resourcekit.run.active_overrides import effective

if TYPE_CHECKING:  # What only an inspection needs is loaded by who first asks for one.
    from resourcekit.config.overlay import Config, Overlay
    from resourcekit.container.state import Assembly
    from resourcekit.inspection.container_graph import ContainerGraph
    from resourcekit.inspection.env import ContainerEnv
    from resourcekit.inspection.explanation import Explanation
    from resourcekit.inspection.origins import Origins
    from resourcekit.planning.plan import Plan
    from resourcekit.run.container_runs import ContainerBlueprint

__all__ = ("Inspected",)


class Inspected:
    """The methods of a container instance that open nothing: `check`, `plan`, `graph`, `env`, `explain`."""

    if TYPE_CHECKING:
        _assembly: Assembly

    def _blueprint(self) -> ContainerBlueprint:
        """What stands for this container here is opened from."""
        blueprint: ContainerBlueprint = effective(self)._assembly.blueprint()
        return blueprint

    def _origins(self, overlays: tuple[Overlay, ...] = ()) -> Origins:
        """Where this container's values come from, under overlays of a run."""
        from resourcekit.inspection.origins import Origins

        assembly: Assembly = effective(self)._assembly
        blueprint = self._blueprint()
        return Origins(blueprint.graph, (*blueprint.overlays, *overlays), assembly.former())

    def check(
        self, *keys: str, environment: bool = True, sync: bool = False, warnings: bool = False
    ) -> tuple[Problem, ...]:
        """Everything that is wrong with the container, as data; nothing is opened.

        Args:
            *keys: Check what these need; none means all.
            environment: False reads no variable and no file of a `FileVar`.
            sync: Also tell what keeps a sync run from working: async hooks.
            warnings: Also tell what a run would not mind and is likely a mistake: methods called almost like a hook.

        Returns:
            The problems, in order; empty when a run would start. A warning's ``stage`` is ``"warning"``.

        Raises:
            UnknownKeyError: A key is not in the container.

        >>> from resourcekit import ConfigurableResource, EnvVar, ResourceContainer
        >>> class Database(ConfigurableResource):
        ...     host: str
        >>> class App(ResourceContainer):
        ...     database = Database(host=EnvVar("SURELY_NOT_SET"))
        >>> [problem.code for problem in App().check()]
        ['missing-variable']
        """
        from resourcekit.run.blueprint import preflight

        environ = os.environ if environment else None
        found = preflight(self._blueprint(), keys or None, environ=environ, is_async=not sync, is_run=False)
        if not warnings:
            return found.problems
        from resourcekit.inspection.mistakes import likely_mistakes

        return (*found.problems, *likely_mistakes(found.plan))

    def plan(self, *keys: str) -> Plan:
        """What a run of *keys* would do, in order, as data; it reads no environment. Print it to see it.

        Args:
            *keys: As for `run`.

        Returns:
            The plan: its steps in order, and what is wrong with them.

        Raises:
            UnknownKeyError: A key is not in the container.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> [step.name for step in App().plan("clock").steps]
        ['clock']
        """
        from attrs import evolve

        blueprint = self._blueprint()
        plan = blueprint.plan(keys or None, blueprint.left_out(keys or None))
        origins = self._origins()
        return evolve(plan, sources={step.name: origins.sources(step.node) for step in plan.steps})

    def graph(self, *keys: str) -> ContainerGraph:
        """What the container holds and what each thing in it needs, as data and as a picture; it reads nothing.

        Args:
            *keys: Only these and what they need; none means all.

        Returns:
            The graph. Print it, look at it in a notebook, or take its `mermaid()`, `dot()`, `svg()` or `html()`.

        Raises:
            UnknownKeyError: A key is not in the container.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> print(App().graph().mermaid())
        flowchart RL
          n0["clock<br/>Clock"]
        """
        from resourcekit.inspection.container_graph import describe_graph

        blueprint = self._blueprint()
        return describe_graph(blueprint.graph, blueprint.plan(keys or None), self._origins(), keys)

    def env(self) -> ContainerEnv:
        """Every variable and file that the container reads: type, default, who needs it, set or missing; no value.

        Returns:
            A table. Print it, or take its `dotenv()`, `markdown()` or `json_schema()`.

        >>> from resourcekit import ConfigurableResource, EnvVar, ResourceContainer
        >>> class Database(ConfigurableResource):
        ...     host: str
        >>> class App(ResourceContainer):
        ...     database = Database(host=EnvVar("DB_HOST"))
        >>> print(App().env().dotenv())
        # App: what it reads, for a copy named .env
        <BLANKLINE>
        # str, required; for database.host
        DB_HOST=
        <BLANKLINE>
        """
        from resourcekit.inspection.env import describe_env
        from resourcekit.inspection.schema import overlay_schema

        blueprint = self._blueprint()
        origins = self._origins()
        name, graph = blueprint.name, blueprint.graph
        return describe_env(name, graph, origins, os.environ, lambda: overlay_schema(name, graph, origins))

    def explain(self, where: str, config: Config | None = None) -> Explanation:
        """Where a value comes from: overlay, declaration, variable, default; what won and what lost.

        Args:
            where: A field, ``"database.port"``, a part of one, ``"database.pool.size"``, or a resource, ``"database"``.
            config: The overlay of the run in question, as `run` takes it.

        Returns:
            Each place that has a value, with file and line, the winner first. No secret is in it.

        Raises:
            UnknownFieldError: There is no such resource or field.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> App().explain("clock.zone").fields[0].shown
        "'UTC'"
        """
        from resourcekit.config.overlay import Overlay
        from resourcekit.inspection.container_graph import describe_graph
        from resourcekit.inspection.explanation import explain

        blueprint = self._blueprint()
        overlays = () if config is None else (Overlay.of(config, "run(config=...)"),)
        described = describe_graph(blueprint.graph, blueprint.plan(None), self._origins(overlays))
        return explain(blueprint.graph, described, where, os.environ)
