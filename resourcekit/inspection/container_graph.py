"""The graph of a container as plain data: what `container.graph()` gives."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.base.drawing import draw
from resourcekit.base.masking import printable
from resourcekit.base.tables import markup
from resourcekit.declarations.record import spec_of
from resourcekit.declarations.spec import FieldSpec
from resourcekit.inspection.origins import Origins, is_hidden
from resourcekit.inspection.records import FieldEntry, GraphData, GraphEntry, Need
from resourcekit.planning.nodes import Graph, Node
from resourcekit.planning.plan import Plan

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ("ContainerGraph", "EnvironmentGraphs", "describe_graph")


@attrs.frozen(eq=False)
class ContainerGraph(GraphData):
    """What a container holds and what each thing in it needs: what `container.graph()` gives.

    Printing it shows a tree; a notebook shows a picture.

    Args:
        container: The container's name.
        entries: What it holds, in order of declaration.
        problems: What is wrong with the plan of the whole container.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Database(ConfigurableResource, scope="app"): ...
    >>> class Orders(ConfigurableResource):
    ...     database: Database
    >>> class App(ResourceContainer):
    ...     database = Database()
    ...     orders = Orders(database=database)
    >>> print(App().graph())
    graph of App: 2 resources
      orders  Orders
      └─ database  Database, app
    """

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart, for Markdown pages."""
        return draw("mermaid", self)

    def dot(self) -> str:
        """The graph in Graphviz's language."""
        return draw("dot", self)

    def svg(self) -> str:
        """The graph as a picture that stands alone."""
        return draw("svg", self)

    def html(self) -> str:
        """The graph as one page that needs no network: zoom, search, click for details."""
        return draw("graph_page", {self.container: self})

    def __str__(self) -> str:
        count = len(self.resources)
        head = f"graph of {self.container}: {count} resource{'' if count == 1 else 's'}"
        problems = [f"  problem: {problem}" for problem in self.problems]
        return "\n".join([printable(head), *(f"  {line}" for line in self._tree()), *problems])

    def __rich__(self) -> Text:
        """What rich prints."""
        from rich.text import Text

        head, *lines = str(self).splitlines()
        text = Text.assemble((head, "bold"))
        for line in lines:
            branch, name, details = _split(line)
            text.append(f"\n{branch}", style="dim")
            text.append(name, style="bold red" if name == "problem:" else "cyan")
            text.append(details, style="dim" if details.endswith(_ABOVE) else "")
        return text

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return self.svg()

    def _tree(self) -> Iterator[str]:
        """The lines of a tree: from what nobody needs down to what needs nothing; each subtree once."""
        shown: set[str] = set()
        tops = [entry for entry in self.entries if not entry.used_by]
        for top in (*tops, *self.entries):
            if top.name not in shown:
                yield from self._branch(top.name, shown)

    def _branch(self, top: str, shown: set[str]) -> Iterator[str]:
        waiting: list[tuple[str, str, str]] = [(top, "", "")]
        while waiting:
            name, before, indent = waiting.pop()
            entry = self.by_name[name]
            needs = list(dict.fromkeys(need.name for need in entry.needs))
            is_above = name in shown and bool(needs)
            yield f"{before}{_label(entry)}{_ABOVE if is_above else ''}"
            if name not in shown:
                shown.add(name)
                last = len(needs) - 1
                for place in range(last, -1, -1):
                    corner, below = ("└─ ", "   ") if place == last else ("├─ ", "│  ")
                    waiting.append((needs[place], indent + corner, indent + below))


@attrs.frozen(eq=False)
class EnvironmentGraphs:
    """The graphs of several environments: what `Environments.graph()` gives.

    Args:
        graphs: By the environment's name.
    """

    graphs: Mapping[str, ContainerGraph]

    def __getitem__(self, name: str) -> ContainerGraph:
        return self.graphs[name]

    def to_dict(self) -> dict[str, Any]:
        """The graphs as plain data, for JSON."""
        return {name: graph.to_dict() for name, graph in self.graphs.items()}

    def html(self, current: str | None = None) -> str:
        """One page that switches between the environments and highlights what differs.

        Args:
            current: The environment shown first; the first of them by default.
        """
        return draw("graph_page", self.graphs, current)

    def __str__(self) -> str:
        return "\n\n".join(f"{printable(name)}: {graph}" for name, graph in self.graphs.items())

    def __rich__(self) -> RenderableType:
        """What rich prints."""
        from rich.text import Text

        return Text("\n\n").join(
            Text.assemble((f"{printable(name)}: ", "bold"), each.__rich__()) for name, each in self.graphs.items()
        )

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return "".join(f"<p><strong>{markup(name)}</strong></p>{graph.svg()}" for name, graph in self.graphs.items())


_ABOVE = "  (see above)"


def _label(entry: GraphEntry) -> str:
    marks = [entry.owner, "app" if entry.scope == "app" else "", "async" if entry.is_async else ""]
    return printable(f"{entry.name}  {', '.join(filter(None, marks))}")


def _split(line: str) -> tuple[str, str, str]:
    """A tree's line as branch, name and the rest."""
    start = len(line) - len(line.lstrip(" │├└─"))
    end = line.find(" ", start)
    return line[:start], line[start:end], line[end:]


def describe_graph(graph: Graph, plan: Plan, origins: Origins, keys: Sequence[str] = ()) -> ContainerGraph:
    """The graph as data.

    Args:
        graph: The container's graph.
        plan: The plan of the keys.
        origins: Tells where values come from.
        keys: What is asked for; none means all.
    """
    wanted = graph.reach(graph.keys[key] for key in keys) if keys else range(len(graph.nodes))
    nodes = [graph.nodes[index] for index in sorted(wanted)]
    users: dict[int, dict[str, None]] = {node.index: {} for node in nodes}
    for node in nodes:
        for edge in node.edges:
            users[edge.target].setdefault(node.name)
    levels = _levels(graph)
    entries = tuple(_entry(graph, node, origins, tuple(users[node.index]), levels) for node in nodes)
    return ContainerGraph(plan.container, entries, plan.problems)


def _entry(graph: Graph, node: Node, origins: Origins, users: tuple[str, ...], levels: Mapping[int, int]) -> GraphEntry:
    cls = type(node.held.content)
    spec = spec_of(node.held.content) if node.is_resource else None
    hooks = () if spec is None else spec.hooks.called
    return GraphEntry(
        name=node.name,
        keys=node.keys,
        kind=node.held.kind,
        owner=type_name(cls),
        module=cls.__module__,
        doc=_doc(cls) if node.is_resource else None,
        scope=node.scope,
        is_async=any(hook.is_async for hook in hooks),
        hooks=tuple(hook.name for hook in hooks),
        vends=None if spec is None or spec.vended is cls else type_name(spec.vended),
        fields=() if spec is None else tuple(_field(node, field, origins) for field in spec.fields),
        needs=tuple(Need(graph.nodes[edge.target].name, edge.field) for edge in node.edges),
        used_by=users,
        declared=node.held.location,
        level=levels.get(node.index),
        is_replacement=node.held.is_replacement,
    )


def _field(node: Node, field: FieldSpec, origins: Origins) -> FieldEntry:
    return FieldEntry(
        name=field.alias,
        type=field.type_name,
        secret=is_hidden(field),
        required=field.required,
        description=field.description,
        origins=origins.of(node, field),
    )


def _doc(cls: type) -> str | None:
    """The first line of a class's own docstring."""
    doc = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    return doc.partition("\n")[0] or None


def _levels(graph: Graph) -> dict[int, int]:
    """How deep each thing stands: one more than the deepest it needs."""
    order, _ = graph.order(set(range(len(graph.nodes))))
    levels: dict[int, int] = {}
    for index in order:
        levels[index] = 1 + max((levels[target] for target in graph.nodes[index].targets), default=-1)
    return levels
