"""`container.graph()`: what a container holds, as data, text and in the notations of other tools."""

import json
import shutil
import subprocess
import xml.dom.minidom

import pytest
from rich.console import Console

from resourcekit import ConfigurableResource, ResourceContainer, RunStateError, field, ref
from tests.inspected import SECRETS, Database, Dev, Prod, environments


def printed(thing, width=80):
    """What rich prints on a terminal so wide."""
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(thing)
        return console.export_text()


class Node(ConfigurableResource):
    needs: list["Node"] = field(factory=list)


def container(**needs):
    """A container of nodes that need one another by key."""
    return ResourceContainer.of({key: Node(needs=list(map(ref, names))) for key, names in needs.items()})


def test_the_graph_as_data():
    """Each entry tells class, scope, hooks, what it needs and who needs it, and where it is declared."""
    graph = Prod().graph()
    database = graph.by_name["database"]
    assert (database.owner, database.scope, database.kind, database.level) == ("Database", "app", "resource", 0)
    assert database.hooks == ("setup_for_execution", "teardown_after_execution")
    assert database.doc == "The orders database."
    assert database.used_by == ("orders",)
    assert database.declared.file.endswith("inspected.py")
    orders = graph.by_name["orders"]
    assert [(need.name, need.field) for need in orders.needs] == [
        ("database", "database"),
        ("api", "client"),
        ("orders.partners.0", "partners.0"),
    ]
    assert orders.level == 1
    api = graph.by_name["api"]
    assert (api.is_async, api.vends) == (True, "Client")
    assert [entry.kind for entry in graph.entries if entry not in graph.resources] == ["provider", "value"]


def test_fields_tell_where_their_values_come_from():
    """A field has its type, its description, and every place that has a value for it."""
    fields = {each.name: each for each in Prod().graph().by_name["database"].fields}
    assert fields["password"].secret
    assert fields["password"].description == "Ask the operators."
    assert fields["host"].shown == "EnvVar('DB_HOST')"
    assert fields["pool"].secret, "a nested class of it has a secret field"
    assert [origin.outcome for origin in fields["port"].origins] == ["won", "lost"]
    assert not any(each.secret for each in Prod().graph().by_name["orders"].fields), "resources look after their own"
    assert [read.words for read in fields["url"].reads] == ["variable DB_USER", "variable DB_HOST"]


def test_the_graph_is_plain_data():
    """to_dict() goes into JSON as it is."""
    data = json.loads(json.dumps(environments.graph().to_dict()))
    assert data["prod"]["entries"][0]["fields"][0]["origins"][0]["reads"] == ["variable DB_HOST"]
    assert data["dev"]["container"] == "Dev"
    assert environments.graph()["dev"].container == "Dev"


def test_the_graph_printed():
    """Printed, a graph is a tree from what nobody needs down to what needs nothing, each subtree once."""
    app = container(a=[], b=["a"], c=["b", "a"], d=["b"], alone=[])
    assert str(app.graph()) == (
        "graph of ResourceContainer: 5 resources\n"
        "  c  Node\n"
        "  ├─ b  Node\n"
        "  │  └─ a  Node\n"
        "  └─ a  Node\n"
        "  d  Node\n"
        "  └─ b  Node  (see above)\n"
        "  alone  Node"
    )
    assert printed(app.graph()).split() == str(app.graph()).split()


def test_a_graph_with_a_circle():
    """A circle is shown with its problem, in every form."""
    graph = container(a=["b"], b=["a"], c=[]).graph()
    text = str(graph)
    assert "a  Node" in text
    assert "problem: a: needs itself: a -> b -> a [cycle]" in text
    assert "problem:" in printed(graph)
    assert graph.by_name["a"].level is None
    assert graph.svg().count("<path") == 2
    assert "n0 --> n1" in graph.mermaid()
    assert "needs itself" in graph.html()


def test_an_empty_container():
    """A container without keys has a graph in every form."""
    graph = ResourceContainer.of({}).graph()
    assert str(graph) == "graph of ResourceContainer: 0 resources"
    xml.dom.minidom.parseString(graph.svg())
    assert "<!doctype html>" in graph.html()


def test_a_deep_chain():
    """A chain of two thousand resources needs no recursion."""
    names = [f"r{number}" for number in range(2000)]
    graph = container(
        **{name: [before] if before else [] for before, name in zip([None, *names], names, strict=False)}
    ).graph()
    assert graph.by_name["r1999"].level == 1999
    assert len(str(graph).splitlines()) == 2001
    assert graph.svg().count("<path") == 1999


def test_an_override_is_seen():
    """Inside an override the graph is that of what is there now."""
    app = Dev()
    with app.override(database=Database(host="fake", password="x")):
        assert app.graph().by_name["database"].is_replacement
    assert not app.graph().by_name["database"].is_replacement


def test_a_class_says_what_to_write():
    """Asked of the class, it says that an instance has it."""
    with pytest.raises(RunStateError, match=r"write Dev\(\)\.graph\(\.\.\.\)"):
        Dev.graph()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_the_dot():
    """Graphviz draws the DOT form: every resource is a node, every need an edge."""
    for graph in (Prod().graph(), container(**{"a": ["b"], "b": []}).graph()):
        done = subprocess.run(["dot", "-Tjson"], input=graph.dot(), capture_output=True, text=True, check=True)
        drawn = json.loads(done.stdout)
        assert len(drawn["objects"]) == len(graph.entries)
        assert len(drawn["edges"]) == sum(len({need.name for need in entry.needs}) for entry in graph.entries)


def test_the_svg_is_xml():
    """The picture parses as XML and has a box for each entry."""
    document = xml.dom.minidom.parseString(Prod().graph().svg())
    names = [
        node.firstChild.data for node in document.getElementsByTagName("text") if node.getAttribute("class") == "name"
    ]
    assert names == [entry.name for entry in Prod().graph().entries]


def test_long_names_and_many_loners():
    """A name that is too long is shortened in its middle; resources without needs stand in rows below the others."""
    names = [f"a_resource_with_a_rather_long_name_number_{number:02}" for number in range(30)]
    drawn = container(a=[], b=["a"], **{name: [] for name in names}).graph().svg()
    assert "a_resource_with_…ng_name_number_07" in drawn
    picture = xml.dom.minidom.parseString(drawn).documentElement
    width, height = (float(picture.getAttribute(name)) for name in ("width", "height"))
    assert width < 1200
    assert height > 500


def test_a_notebook_shows_pictures():
    """In a notebook a container's graph is a picture, and environments are one picture each."""
    assert Dev().graph()._repr_html_().startswith("<svg")
    assert environments.graph()._repr_html_().count("<svg") == 2
    assert "<table>" in Dev().plan()._repr_html_()
    assert str(environments.graph()).startswith("dev: graph of Dev: 4 resources")
    assert printed(environments.graph()).split() == str(environments.graph()).split()


def test_no_secret_is_in_any_form():
    """No form of a graph holds a secret, a plain value of a key, or a default of a secret variable."""
    graphs = environments.graph()
    for graph in (graphs["dev"], graphs["prod"]):
        forms = [str(graph), json.dumps(graph.to_dict()), graph.mermaid(), graph.dot(), graph.svg(), repr(graph)]
        assert not any(secret in form for secret in SECRETS for form in [*forms, printed(graph, 200)])
    assert not any(secret in graphs.html("prod") for secret in SECRETS)
