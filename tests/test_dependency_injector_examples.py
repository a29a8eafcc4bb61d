"""dependency-injector's own examples, with `ResourceContainer` in the place of `DeclarativeContainer`.

The files below `dependency_injector_examples` are copies from its repository (BSD licence beside them). What each one
asserts must hold; what it prints and raises by its comments is in the tables here. Left out are the examples that need
packages of third parties, and those of DynamicContainer alone.
"""

import gc
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from dependency_injector import errors, wiring

from resourcekit import ResourceContainer

HERE = Path(__file__).with_name("dependency_injector_examples")
EXAMPLES = sorted(path.relative_to(HERE).as_posix().removesuffix(".txt") for path in HERE.rglob("*.py.txt"))
EXAMPLES.remove("demo/after.py")  # What demo/with_di.py imports.

ARGUMENTS = {"providers/factory_aggregate.py": ["chess", "john", "jane"]}
ENVIRONMENT = {
    "providers/configuration/configuration_itemselector.py": {"TARGET": "B"},
    "demo/with_di.py": {"API_KEY": "key", "TIMEOUT": "5"},
}
PRINTS = {
    "containers/declarative_copy_decorator2.py": "Derived 1\nDerived 2\n",  # Without @copy it is rebound by us as well.
    "containers/declarative.py": r"\{'factory1': <dependency_injector.providers.Factory.*'factory2'.*\}\n",
    "containers/inject_self.py": r"(Service [123]\n){3}",  # In the order of a set.
    "containers/traverse.py": r"(<dependency_injector\.providers\.(Factory|Resource|Configuration(Option)?)\(.*>\n){6}",
    "providers/abstract_factory.py": r"(RedisCacheClient\(host='localhost', port=6379, db=0\)"
    r"|MemcachedCacheClient\(hosts=\['10\.0\.1\.1'\], port=11211, prefix='my_app'\))\n",
    "providers/aggregate.py": r"Parsing ./config.yml with YamlReader\nParsing ./config.json with JsonReader\n",
    "providers/configuration/configuration_itemselector.py": "10 20\n",
    "providers/factory_aggregate.py": "John and Jane are playing chess\n",
    "providers/factory_provided_type.py": r".*ServiceProvider.* can provide only <class '.*BaseService'> instances\n",
    "providers/resource.py": r"(INFO:root:Resources are initialized\n)?(\d\n?){10}\n*",
}
RAISES = {
    "containers/check_dependencies.py": (
        errors.Error,
        'Container "Container" has undefined dependencies: "Container.service[12]", "Container.service[12]"',
    ),
    "containers/declarative_provider_type.py": (errors.Error, "can contain only .*ServiceProvider.* instances"),
    "providers/dependency.py": (errors.Error, "<object .*> is not an instance of .*DbAdapter"),
    "providers/dependency_undefined_error.py": (errors.Error, 'Dependency "Container.database" is not defined'),
}


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Runs an example as a script in a copy of its folder."""
    made = []

    def run(name, module="example"):
        source = (HERE / f"{name}.txt").read_text().replace("containers.DeclarativeContainer", "ResourceContainer")
        source = source.replace('if __name__ == "__main__":', "if True:")
        played = ModuleType(module)
        played.__dict__["ResourceContainer"] = ResourceContainer
        monkeypatch.setitem(sys.modules, module, played)
        made.append(played)
        exec(compile(source, name, "exec"), played.__dict__)
        return played

    shutil.copytree(HERE / "providers" / "configuration", tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    yield run
    wiring.unwire(modules=made)
    made.clear()
    monkeypatch.undo()
    with warnings.catch_warnings():  # Some examples leave a database open, which Python 3.13 tells.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(name, play, monkeypatch, capsys):
    """Each example's assertions hold, and it prints and raises what its comments say."""
    monkeypatch.setattr(sys, "argv", [name, *ARGUMENTS.get(name, [])])
    for variable, text in ENVIRONMENT.get(name, {}).items():
        monkeypatch.setenv(variable, text)
    if name == "demo/with_di.py":
        play("demo/after.py", "after")
    if name in RAISES:
        expected, text = RAISES[name]
        with pytest.raises(expected, match=text):
            play(name)
    else:
        play(name)
    assert re.fullmatch(PRINTS.get(name, ""), capsys.readouterr().out)
