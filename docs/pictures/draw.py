"""Draw the pictures of the documentation with the tool itself: `python docs/pictures/draw.py`.

It needs the packages of `resourcekit[test]`, and Debian's chromium and chromium-driver.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "airports.py"


def resourcekit(*arguments: object, cwd: Path = ROOT) -> None:
    subprocess.run([sys.executable, "-m", "resourcekit", *map(str, arguments)], cwd=cwd, check=True)


def browser(folder: str) -> WebDriver:
    options = webdriver.ChromeOptions()
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def photograph(driver: WebDriver, page: Path, name: str, width: int, height: int, click: str | None = None) -> None:
    driver.set_window_size(width, height)
    driver.get(page.as_uri())
    if click is not None:
        driver.find_element(By.CSS_SELECTOR, click).click()
    driver.save_screenshot(str(HERE / name))


def main() -> None:
    resourcekit("graph", EXAMPLE.relative_to(ROOT), "--format", "svg", "-o", HERE / "airports.svg")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "profile").mkdir()
        resourcekit("graph", EXAMPLE.relative_to(ROOT), "--format", "html", "--env", "prod", "-o", place / "graph.html")
        resourcekit("run", EXAMPLE, "--quiet", "--report", place / "timeline.html", cwd=place)
        driver = browser(str(place / "profile"))
        try:
            photograph(driver, place / "graph.html", "graph.png", 1180, 760, '[data-name="engine"]')
            photograph(driver, place / "timeline.html", "timeline.png", 1000, 700)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
