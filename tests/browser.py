"""Chromium without a window, driven by Selenium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.peers import require

_LOAD_S = 120
_OPTIONS = (
    "--headless=new",
    # In a container there is no other user to become.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    # Viewers draw by WebGL: in software, where there is no graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=1700,1100",
)


class Browser:
    """One page."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def visit(self, url: str) -> None:
        """Load a page."""
        self._driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self._driver.execute_script(script, *arguments)

    def double_click(self, script: str, *arguments: object) -> None:
        """Double-click the element that a script returns."""
        from selenium.webdriver.common.action_chains import (  # noqa: PLC0415 - as below
            ActionChains,
        )

        ActionChains(self._driver).double_click(self.run(script, *arguments)).perform()

    def screenshot(self) -> bytes:
        """Return what is seen, as a PNG."""
        return bytes(self._driver.get_screenshot_as_png())


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with an empty profile."""
    selenium = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415 - only if it is there

    options = selenium.ChromeOptions()
    options.binary_location = require("chromium")
    for option in _OPTIONS:
        options.add_argument(option)
    driver = selenium.Chrome(options=options, service=Service(require("chromedriver")))
    try:
        driver.set_page_load_timeout(_LOAD_S)
        driver.set_script_timeout(_LOAD_S)
        yield Browser(driver)
    finally:
        driver.quit()
