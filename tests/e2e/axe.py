"""axe-core on the page that a browser shows."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

_PACKAGED = (
    ("axe_playwright_python", "axe.min.js"),
    ("axe_selenium_python", "node_modules/axe-core/axe.min.js"),
)
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => done(found.violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.target.join(" ") + " " + n.html.slice(0, 160)
    + " " + (n.any.concat(n.all)[0]?.message ?? ""))])),
  (fault) => done([["axe failed", String(fault), []]]),
);
"""


@cache
def _source() -> str:
    """The script: from the package that carries it, or from the file that AXE_MIN_JS names."""
    for package, path in _PACKAGED:
        if (spec := importlib.util.find_spec(package)) and spec.submodule_search_locations:
            return (Path(spec.submodule_search_locations[0]) / path).read_text(encoding="utf-8")
    if named := os.environ.get("AXE_MIN_JS"):
        return Path(named).read_text(encoding="utf-8")
    reason = "axe-core is missing from the environment"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def violations(driver: webdriver.Chrome) -> list[Any]:
    """What axe finds wrong with the page as it is shown now."""
    driver.execute_script(_source())
    return list(driver.execute_async_script(_RUN))


def show_as(driver: webdriver.Chrome, scheme: str, width: int, height: int = 900) -> None:
    """Show pages light or dark, and as wide as this."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
