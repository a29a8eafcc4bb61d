"""`run.report.timeline`: when each phase began and ended, and the chain that the start had to wait for."""

import json
import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from selenium.webdriver.common.by import By

from resourcekit import ConfigurableResource, PhaseEvent, ResourceContainer, RunReport, open_resource, ref
from resourcekit.integrations.opentelemetry import SpanListener
from tests.browser import chromium, complaints, looked_at, needs_chromium, opened, requests
from tests.inspection.test_graph import printed

__all__ = ("chromium",)


class Slow(ConfigurableResource):
    needs: list["Slow"]
    seconds: float = 0.0
    fails: str = ""

    def setup_for_execution(self):
        time.sleep(self.seconds)
        if self.fails == "setup":
            raise ValueError("s3cret-one")

    def teardown_after_execution(self):
        if self.fails == "teardown":
            raise ValueError("s3cret-one")


def container(**kinds):
    """A chain a <- b <- c, and d alone."""
    needs = {"a": [], "b": [ref("a")], "c": [ref("b")], "d": []}
    return ResourceContainer.of({key: Slow(needs=needs[key], **kinds.get(key, {})) for key in needs})


def timeline(app, **options):
    """The timeline of a run that may fail."""
    run = app.run(report=True, run_id="r1", **options)
    try:
        with run:
            pass
    except Exception:
        pass
    return run.report.timeline


def told(needs, **durations):
    """The timeline of set-ups that took so many seconds, one after the other."""
    report = RunReport("r1", "App", needs=lambda: needs)
    start = 0.0
    for name, duration in durations.items():
        report.phases.append(PhaseEvent("r1", name, "Slow", "setup_for_execution", "finished", start, duration))
        start += duration
    return report.timeline


def test_the_critical_path_is_the_longest_chain():
    """The critical path is the chain of needs that takes longest, not the resource that takes longest."""
    needs = {"b": ["a"], "c": ["b", "d"]}
    line = told(needs, a=1.0, b=1.0, d=1.5, c=1.0)
    assert line.critical_path == ("a", "b", "c")
    assert {span.name for span in line.spans if span.is_critical} == {"a", "b", "c"}
    assert (line.critical, line.setup, line.total) == (3.0, 4.5, 4.5)
    assert told(needs, a=1.0, b=1.0, d=2.5, c=1.0).critical_path == ("d", "c")
    assert told({}, a=1.0, b=2.0).critical_path == ("b",)


def test_a_run_of_some_keys():
    """The path is that of the run's own resources."""
    run = container().run("b", report=True)
    with run:
        pass
    assert run.report.timeline.critical_path == ("a", "b")


def test_the_waterfall():
    """Printed, a timeline is a waterfall of eighty columns; what is on the critical path has a star."""
    report = RunReport("r1", "App", ["database", "orders"], "success", needs=lambda: {"orders": ["database"]})
    for name, phase, start, duration in [
        ("database", "setup_for_execution", 0.0, 0.060),
        ("orders_with_a_very_long_name", "create_resource", 0.060, 0.030),
        ("database", "teardown_after_execution", 0.090, 0.010),
        ("database", "never_ended", 0.090, None),
    ]:
        report.phases.append(PhaseEvent("r1", name, "Class", phase, "finished", start, duration))
    assert str(report.timeline).splitlines() == [
        "run r1 of App: success",
        "  set-up 90.0 ms, teardown 10.0 ms",
        "  * database          setup    ██████████████████               60.0 ms",
        "    orders_with_a_ve… create                     █████████      30.0 ms",
        "    database          teardown                            ███   10.0 ms",
    ]
    assert printed(report.timeline).split() == str(report.timeline).split()


def test_a_long_body_is_shortened():
    """The body of a run takes little room, however long it was: the bars are about what is around it."""
    report = RunReport("r1", "App")
    for phase, start in (("setup_for_execution", 0.0), ("teardown_after_execution", 1000.0)):
        report.phases.append(PhaseEvent("r1", "a", "Slow", phase, "finished", start, 1.0))
    lines = str(report.timeline).splitlines()
    assert lines[1] == "  set-up 1000.0 ms, body 999.00 s, teardown 1000.0 ms"
    assert [line.count("█") for line in lines[2:]] == [12, 12]
    assert report.timeline.body == 999.0


def test_a_failure_is_marked():
    """A phase that raised has a mark, in setup and teardown; the words of its error are in no form."""
    for app in (container(b={"fails": "setup"}), container(b={"fails": "teardown"})):
        line = timeline(app)
        failed = [span for span in line.spans if span.failed]
        assert [span.name for span in failed] == ["b"]
        assert any(text.startswith("  ! b") for text in str(line).splitlines())
        forms = [str(line), line.html(), json.dumps(line.to_dict()), json.dumps(line.trace_events()), printed(line)]
        assert not any("s3cret" in form for form in forms)


def test_without_times():
    """A run that was not timed says what to do for times."""
    run = container().run()
    with run:
        pass
    assert "open the run with report=True" in str(run.report.timeline)
    assert run.report.timeline.total == 0


def test_a_resource_by_itself():
    """A resource opened without a container has a timeline too."""
    app = ResourceContainer.of({"a": Slow(needs=[])})
    stop = app.listen(lambda event: None)
    with open_resource(Slow(needs=[Slow(needs=[])])) as live:
        assert live.needs
    stop()


def test_trace_events():
    """The trace has an event for each phase, in microseconds; what overlaps stands in lanes of its own."""
    report = RunReport("r1", "App")
    for name, start in (("a", 0.0), ("b", 0.5), ("c", 1.0)):
        report.phases.append(PhaseEvent("r1", name, "Slow", "setup_for_execution", "finished", start, 1.0))
    events = json.loads(json.dumps(report.timeline.trace_events()))["traceEvents"]
    assert events[0]["args"]["name"] == "run r1 of App: not opened"
    assert [(each["name"], each["ph"], each["ts"], each["dur"], each["tid"]) for each in events[1:]] == [
        ("a setup_for_execution", "X", 0.0, 1e6, 1),
        ("b setup_for_execution", "X", 5e5, 1e6, 2),
        ("c setup_for_execution", "X", 1e6, 1e6, 1),
    ]


def test_json():
    """As data, a timeline can be written as JSON."""
    data = json.loads(json.dumps(timeline(container()).to_dict()))
    assert data["spans"][0]["name"] == "a"
    assert set(data) == {"title", "setup", "body", "total", "critical_path", "critical", "spans"}


@needs_chromium
def test_the_page_of_a_waterfall(chromium, tmp_path):
    """The HTML page shows a bar for each phase, inside its row, and asks nothing of the network."""
    line = timeline(container(a={"seconds": 0.02}, b={"seconds": 0.03}, c={"seconds": 0.01, "fails": "teardown"}))
    opened(chromium, line.html(), tmp_path)
    rows = chromium.find_elements(By.CSS_SELECTOR, ".row")
    assert len(rows) == len(line.spans)
    for row in rows:
        track, bar = (row.find_element(By.TAG_NAME, tag).rect for tag in "iu")
        assert track["x"] - 1 <= bar["x"]
        assert bar["x"] + bar["width"] <= track["x"] + track["width"] + 4
    assert chromium.find_elements(By.CSS_SELECTOR, ".row.failed")
    assert complaints(chromium) == []
    assert requests(chromium) == []
    looked_at(chromium, "timeline")


@pytest.fixture
def spans():
    """A tracer whose spans are kept, and the spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("tests"), exporter.get_finished_spans


def test_opentelemetry_spans(spans):
    """Each run is a span under the current one, each phase a child of it, with the times of the report."""
    tracer, finished = spans
    app = container(a={"seconds": 0.01})
    app.listen(SpanListener(tracer))
    with tracer.start_as_current_span("request") as request, app.run("a", run_id="r1"):
        pass
    found = {span.name: span for span in finished()}
    assert set(found) == {
        "a construct", "a setup_for_execution", "a teardown_after_execution", "run ResourceContainer", "request"
    }  # fmt: skip
    run, setup = found["run ResourceContainer"], found["a setup_for_execution"]
    assert run.parent.span_id == request.get_span_context().span_id
    assert setup.parent.span_id == run.context.span_id
    assert setup.end_time - setup.start_time >= 10_000_000
    assert run.attributes["resourcekit.outcome"] == "success"
    assert run.status.is_ok


def test_a_failure_in_opentelemetry(spans):
    """A failure marks its span and the run's, by the error's type alone."""
    tracer, finished = spans
    app = container(b={"fails": "setup"})
    app.listen(SpanListener(tracer))
    with pytest.raises(ValueError, match="s3cret"), app.run():
        pass
    found = {span.name: span for span in finished()}
    assert found["b setup_for_execution"].attributes["error.type"] == "ValueError"
    assert not found["run ResourceContainer"].status.is_ok
    assert "s3cret" not in "".join(span.to_json() for span in finished())


def test_who_listens_late_gets_no_half_spans(spans):
    """A run that was opened before anybody listened makes no spans."""
    tracer, finished = spans
    app = container()
    with app.run():
        app.listen(SpanListener(tracer))
    assert [span.name for span in finished()] == []


def test_the_global_tracer():
    """Without a tracer of your own the global one is used; without an SDK it does nothing."""
    app = container()
    app.listen(SpanListener())
    with app.run():
        assert not trace.get_current_span().is_recording()
