"""One browser and one service for all pages, and a curator who is logged in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.running import Service

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds: other workers take what the machine has
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="package")
def service(shared_service: Service) -> Service:
    """A service in another process: a browser sees nothing of what a test has not committed."""
    return shared_service


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium. Each test opens a context of its own, which shares nothing with those of others."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium on this machine")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def logged_in(browser: Browser, service: Service) -> Any:
    """What a browser keeps of a curator who has logged in."""
    account = re.search(r"user (\S+), password (\S{16})", service.printed)
    assert account is not None
    context = browser.new_context(base_url=f"http://127.0.0.1:{service.port}", locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/admin/")
    page.fill("#id_username", account[1])
    page.fill("#id_password", account[2])
    page.click("[type=submit]")
    page.locator("#content-main").wait_for()
    state = context.storage_state()
    context.close()
    return state
