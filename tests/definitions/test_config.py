"""The config of one execution: what it may name."""

import pytest

from resourcekit import ConfigError, ConfigurableResource, asset, job, materialize, op


class Database(ConfigurableResource):
    name: str = "db"


class Orders(ConfigurableResource):
    database: Database
    limit: int = 10


def test_config_that_changes_nothing(tmp_path):
    """Config for what an execution does not use is an error with the nearest key that it uses; a file may have more."""

    @asset
    def name(database: Database) -> str:
        return database.name

    @asset
    def nothing(): ...

    @op
    def tell(database: Database) -> str:
        return database.name

    @job
    def telling():
        tell()

    resources = {"database": Database(), "databases": Orders(database=Database())}

    def told(call):
        with pytest.raises(ConfigError) as caught:
            call()
        return [(problem.code, problem.where, problem.hint) for problem in caught.value.problems]

    expected = [("unknown-key", "databases", "did you mean database?")]
    assert told(lambda: materialize([name], resources=resources, config={"databases": {"limit": 5}})) == expected
    assert told(lambda: telling.execute_in_process(resources=resources, config={"databases": {"limit": 5}})) == expected
    assert told(lambda: materialize([nothing], resources=resources, config={"database.name": "x"})) == [
        ("unknown-key", "database.name", "there is none")
    ]
    run_config = {"resources": {"database": {"config": {"name": "x"}}}}
    assert told(lambda: materialize([name], resources=resources, config=run_config)) == [
        ("unknown-key", "resources", "give the fields of each resource by its key, config={'database': {...}}")
    ]
    assert (
        materialize([name], resources={"database": Database()}, config={"database.name": "x"}).output_for(name) == "x"
    )
    file = tmp_path / "config.toml"
    file.write_text("[database]\nname = 'x'\n[databases]\nlimit = 5\n")
    assert materialize([name], resources=resources, config=file).output_for(name) == "x"
