"""The HTML page of a graph, in a real browser: drawn, searched, clicked, environments switched, offline."""

import os
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from resourcekit import ConfigurableResource, EnvVar, ResourceContainer, field, ref
from tests.browser import chromium, complaints, looked_at, needs_chromium, opened, requests
from tests.inspected import SECRETS, environments

__all__ = ("chromium",)

pytestmark = needs_chromium
MERMAID = Path(os.environ.get("MERMAID_JS", "node_modules/mermaid/dist/mermaid.min.js"))

ANSWER = "const done = arguments[1]; mermaid.{}.then(done, (error) => done({{error: String(error)}}))"
PARSE = ANSWER.format("parse(arguments[0]).then((it) => it.diagramType)")
DRAW = ANSWER.format("render('it', arguments[0]).then((it) => it.svg)")
WHEEL = "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: 300, clientX: 400, clientY: 400}))"


def box(driver, name):
    """The box of a resource."""
    return driver.find_element(By.CSS_SELECTOR, f'[data-name="{name}"]')


def marks(driver, name):
    """The classes of a box."""
    return set((box(driver, name).get_attribute("class") or "").split())


def panel(driver):
    """The text of the details, empty when they are closed."""
    return driver.find_element(By.ID, "details").text


def button(driver, words):
    """A button by its text."""
    return driver.find_element(By.XPATH, f"//button[normalize-space()='{words}']")


@pytest.fixture
def page(chromium, tmp_path):
    """The page of both environments, opened."""
    opened(chromium, environments.graph().html("prod"), tmp_path)
    yield chromium
    assert complaints(chromium) == []


def test_every_resource_is_drawn(page):
    """Every entry has a box inside the window, and every need a line; nothing is asked of the network."""
    names = [each.get_attribute("data-name") for each in page.find_elements(By.CSS_SELECTOR, "#boxes > g")]
    assert set(names) == {"database", "api", "orders", "orders.partners.0", "basket", "site"}
    for name in names:
        frame = box(page, name).rect
        assert 0 <= frame["x"] < 1280
        assert 0 <= frame["y"] < 800
    assert len(page.find_elements(By.CSS_SELECTOR, "#lines path:not(.absent)")) == 4
    assert requests(page) == []
    looked_at(page, "graph")


def test_a_click_shows_everything_about_a_resource(page):
    """A click shows fields, sources, hooks, needs and dependants; links lead on; Escape closes."""
    box(page, "database").click()
    text = panel(page)
    for words in ("Database", "app-scoped", "The orders database.", "EnvVar('DB_PORT', default=...)",
                  "reads variable DB_USER", "setup_for_execution", "Ask the operators."):  # fmt: skip
        assert words in text
    looked_at(page, "graph-details")
    assert "chosen" in marks(page, "database")
    assert "near" in marks(page, "orders")
    assert not marks(page, "api") & {"near", "chosen"}
    button(page, "orders").click()
    assert panel(page).startswith("×\norders\nOrders")
    assert page.current_url.endswith("#orders")
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert panel(page) == ""
    assert not any(hidden in page.page_source for hidden in SECRETS)


def test_an_address_opens_a_resource(page):
    """The address of a page with a resource in it opens that resource."""
    page.get(page.current_url.partition("#")[0] + "#api")
    page.refresh()
    assert "gives Client" in panel(page)
    ActionChains(page).send_keys(Keys.ESCAPE).perform()


def test_environments_are_switched_and_differences_highlighted(page):
    """What differs from the other environment is marked, with both values in the details."""
    assert "differs" in marks(page, "database")
    assert "differs" not in marks(page, "orders")
    box(page, "database").click()
    assert "dev: 'localhost'" in panel(page)
    button(page, "dev").click()
    assert "prod: EnvVar('DB_HOST')" in panel(page)
    assert button(page, "dev").get_attribute("aria-pressed") == "true"
    looked_at(page, "graph-dev")
    button(page, "prod").click()
    ActionChains(page).send_keys(Keys.ESCAPE).perform()


def test_the_search_finds_names_classes_and_variables(page):
    """The search finds a resource by its name, its class, its fields and what it reads; Enter opens the first."""
    ActionChains(page).send_keys("/").perform()
    search = page.find_element(By.ID, "search")
    assert page.switch_to.active_element == search
    search.send_keys("pool_size")
    options = page.find_elements(By.CSS_SELECTOR, "#results [role=option]")
    assert [option.text.split("\n")[0] for option in options] == ["database"]
    looked_at(page, "graph-search")
    search.send_keys(Keys.ENTER)
    assert panel(page).startswith("×\ndatabase")
    search.clear()
    search.send_keys("orders")
    search.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    assert panel(page).startswith("×\norders.partners.0")
    search.clear()
    search.send_keys("nothing like it")
    assert page.find_element(By.ID, "results").text == "Nothing found"
    search.send_keys(Keys.ESCAPE)
    ActionChains(page).send_keys(Keys.ESCAPE).perform()


def test_zoom_and_pan(page):
    """The wheel zooms, a drag moves without a click, and Fit shows everything again."""

    def frame():
        return box(page, "site").rect

    button(page, "Fit").click()
    start = frame()
    canvas = page.find_element(By.ID, "canvas")
    button(page, "+").click()
    assert frame()["width"] > start["width"]
    ActionChains(page).move_to_element(box(page, "orders")).click_and_hold().move_by_offset(60, 30).release().perform()
    assert panel(page) == ""
    button(page, "Fit").click()
    assert frame() == start
    page.execute_script(WHEEL, canvas)
    assert frame()["width"] < start["width"]
    ActionChains(page).send_keys("0").perform()
    assert frame() == start


def test_a_keyboard_is_enough(page):
    """A box can be reached and opened with the keyboard alone."""
    page.execute_script("arguments[0].focus()", box(page, "api"))
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert panel(page).startswith("×\napi")
    ActionChains(page).send_keys(Keys.ESCAPE).perform()


def test_problems_are_shown(chromium, tmp_path):
    """What is wrong with the container stands above its picture; markup in a name stays text."""

    class Node(ConfigurableResource):
        """</script><b>bold</b>"""

        needs: list["Node"] = field(factory=list)

    app = ResourceContainer.of({"a": Node(needs=[ref("b")]), "b": Node(needs=[ref("a")])})
    opened(chromium, app.graph().html(), tmp_path)
    problems = chromium.find_element(By.ID, "problems")
    assert "needs itself" in problems.text
    assert all(box(chromium, name).rect["y"] > problems.rect["y"] + problems.rect["height"] for name in "ab")
    looked_at(chromium, "graph-problems")
    box(chromium, "a").click()
    assert "</script><b>bold</b>" in panel(chromium)
    assert complaints(chromium) == []


def test_a_thousand_resources(chromium, tmp_path):
    """A graph of a thousand resources is drawn, searched and zoomed to at once."""

    class Node(ConfigurableResource):
        needs: list["Node"] = field(factory=list)
        host: str = "localhost"

    def node(number):
        others = {number * 7 % 11, number // 2, max(0, number - 40)} - {number}
        return Node(needs=[ref(f"r{other}") for other in others if other < number], host=EnvVar(f"HOST_{number}"))

    app = ResourceContainer.of({f"r{number}": node(number) for number in range(1000)})
    opened(chromium, app.graph().html(), tmp_path)
    assert chromium.execute_script("return document.querySelectorAll('#boxes > g').length") == 1000
    looked_at(chromium, "graph-1000")
    search = chromium.find_element(By.ID, "search")
    search.send_keys("HOST_777", Keys.ENTER)
    assert "EnvVar('HOST_777')" in panel(chromium)
    frame = box(chromium, "r777").rect
    assert 0 < frame["x"] < 840
    assert 0 < frame["y"] < 800
    assert frame["width"] > 60, "near enough to be read"
    looked_at(chromium, "graph-1000-found")
    assert complaints(chromium) == []
    assert requests(chromium) == []


@pytest.mark.skipif(not MERMAID.is_file(), reason="mermaid is not there: npm install mermaid, or set MERMAID_JS")
def test_mermaid_reads_the_flowchart(chromium, tmp_path):
    """Mermaid parses the flowchart, whatever letters are in the names of classes."""

    class Node(ConfigurableResource):
        needs: list["Node"] = field(factory=list)

    Node.__name__ = 'No"de #1; [end] `x` <b>'
    odd = ResourceContainer.of({"end": Node(), "graph_": Node(needs=[ref("end")])}).graph()
    script = MERMAID.read_text(encoding="utf-8").replace("</script", "<\\/script")
    opened(chromium, f"<!doctype html><meta charset=utf-8><script>{script}</script>", tmp_path)
    for graph in (odd, environments.graph()["prod"]):
        assert str(chromium.execute_async_script(PARSE, graph.mermaid())).startswith("flowchart")
    svg = chromium.execute_async_script(DRAW, odd.mermaid())
    assert svg.count('class="node ') == 2
