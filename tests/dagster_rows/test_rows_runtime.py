"""Rows 121-125: config that a run is given."""

from tests.dagster_rows.expected import better, same


def make_api(dg):
    """A class with a required field, and one with a default."""

    class Api(dg.ConfigurableResource):
        url: str
        retries: int = 3

    return Api


@better(
    ours={"omitted": ("declared", 7, 5), "required": ("declared", 5)},
    dagster={"omitted": ("given", 3, 5), "required": "error: config"},
)
def test_row_121_merged_by_field(dg):
    """Config is merged field by field: what it leaves out keeps the declaration's value."""

    class Api(dg.ConfigurableResource):
        url: str
        retries: int = 3
        timeout: int = 1

    def run(**config):
        return dg.live(Api(url="declared", retries=7), lambda api: (api.url, api.retries, api.timeout), config=config)

    def short():
        api = make_api(dg)(url="declared")
        return dg.live(api, lambda api: (api.url, api.retries), config={"retries": 5})

    given = {} if dg.name == "resourcekit" else {"url": "given"}
    return {"omitted": run(timeout=5, **given), "required": dg.attempt(short)}


@better(ours=("error: config", True, False), dagster=("error: config", True, True))
def test_row_122_wrong_config(dg):
    """All that is wrong in config is told at once, with its path; a secret field's value is never shown."""

    class Api(dg.ConfigurableResource):
        retries: int = 3
        token: int = dg.secret(default=0)

    def run():
        config = {"retries": "many", "tokne": 1, "token": "hunter2"}
        return dg.live(Api(), config=config)

    message = dg.message(run)
    return dg.attempt(run), all(word in message for word in ("retries", "tokne", "token")), "hunter2" in message


@better(
    ours={"given and config": ("config", 5), "config wins": ("config", 3), "example": True, "all defaults": 1,
          "typo": "error: invalid field", "attribute": "error: unresolved"},
    dagster={"given and config": ("config", 5), "config wins": ("config", 3), "example": True, "all defaults": 1,
             "typo": True, "attribute": "error: AttributeError"},
)  # fmt: skip
def test_row_123_configured_at_launch(dg):
    """A launch-configured resource gets from config what it was not given; an unknown keyword is an error."""
    api_class = make_api(dg)

    class Easy(dg.ConfigurableResource):
        size: int = 1

    def run(partial, **config):
        return dg.live(partial, lambda api: (api.url, api.retries), config=config)

    def missing():
        with dg.run({"api": api_class.configure_at_launch()}):
            pass

    return {
        "given and config": run(api_class.configure_at_launch(retries=5), url="config"),
        "config wins": run(api_class.configure_at_launch(url="given"), url="config"),
        "example": '"url"' in dg.message(missing) or "'url'" in dg.message(missing),
        "all defaults": dg.live(Easy.configure_at_launch(), lambda easy: easy.size),
        "typo": dg.attempt(lambda: api_class.configure_at_launch(ulr="x") is not None),
        "attribute": dg.attempt(lambda: api_class.configure_at_launch().url),
    }


@same((("config", 5), ("config", 5)))
def test_row_124_a_resource_as_config(dg):
    """A resource may stand for the table of its fields."""
    api_class = make_api(dg)
    declared = {"api": api_class(url="declared")}

    def read(live):
        return live.api.url, live.api.retries

    return (
        dg.in_job(read, declared, config={"api": {"url": "config", "retries": 5}}),
        dg.in_job_with_typed_config(read, declared, {"api": api_class(url="config", retries=5)}),
    )


@same(("config", "error: config"))
def test_row_125_config_of_a_scope(dg):
    """A scope takes config by key; a key that is not there is an error."""
    declared = {"api": make_api(dg)(url="declared")}

    def run(key):
        with dg.run(declared, config={key: {"url": "config"}}) as resources:
            return resources.api.url

    return run("api"), dg.attempt(run, "apy")
