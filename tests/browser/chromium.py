"""Chromium without a window, for the tests of pages: no other host has an address, and an error in the console is kept."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver

#: Why there is none, for tests to skip with; "" if there is.
MISSING = "" if shutil.which("chromedriver") and shutil.which("chromium") else "no Chromium here: tests/browser/install"
#: For tests that look at pages.
needs_browser = pytest.mark.skipif(bool(MISSING), reason=MISSING)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@contextmanager
def open_browser(width: int, height: int, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """A browser whose page is so many pixels wide and high, also where that is less than a window may be."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        browser = webdriver.Chrome(options, service)
        try:
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield browser
        finally:
            browser.quit()


def seen(page: str, folder: Path) -> tuple[str, list[str]]:
    """A page as a browser shows it that opens it from disk, and what is wrong: complaints, and requests of the page."""
    log = folder / "requests.json"
    flags = (*FLAGS, f"--user-data-dir={folder}", "--enable-logging=stderr", f"--log-net-log={log}")
    command = ["chromium", *flags, "--virtual-time-budget=10000", "--dump-dom", page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    wrong = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    # The browser has requests of its own; those of a page say on whose behalf they are.
    wrong += re.findall(r'SiteForCookies: \{site=file:[^\n]*"url":"([^"]*)"', log.read_text())
    return done.stdout, wrong
