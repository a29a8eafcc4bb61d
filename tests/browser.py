"""Debian's Chromium without a window, for the tests of pages: fixtures, and what a page asked of the network."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="Debian's chromium and chromium-driver are not installed",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser of its own, with an empty profile."""
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def opened(driver: WebDriver, page: str, folder: Path) -> None:
    """Write *page* to a file and open it, the logs emptied before."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get(file.as_uri())


def looked_at(driver: WebDriver, name: str) -> None:
    """Keep a screenshot for a human, where the variable SCREENSHOTS names a folder."""
    if "SCREENSHOTS" in os.environ:
        driver.save_screenshot(str(Path(os.environ["SCREENSHOTS"]) / f"{name}.png"))


def complaints(driver: WebDriver) -> list[str]:
    """What the page wrote to the console."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requests(driver: WebDriver) -> list[str]:
    """The addresses that the page asked the network for: its own file, and the browser's, are not counted."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    urls = [parameters["request"]["url"] for parameters in sent]
    return [url for url in urls if not url.startswith(("file:", "data:", "chrome:"))]
