"""The pages for readers of the API in a real browser: no console error, no request to another host."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests import test_end_to_end
from tests.service.test_serve import Service

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine"),
    pytest.mark.enable_socket,
]

# A service of its own: a live server would empty the database that the other tests read.
service = test_end_to_end.loaded_service


@pytest.mark.parametrize(
    ("address", "shown"),
    [("/docs/", "/api/v1/districts"), ("/docs/swagger", "/api/v1/districts"), ("/docs/errors", "unknown_parameter")],
)
def test_a_page_opens_without_errors_and_asks_no_other_host(service: Service, address: str, shown: str) -> None:
    host = f"http://127.0.0.1:{service.port}"
    errors: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(host + address)
        page.get_by_text(shown).first.wait_for(state="attached", timeout=120_000)
        page.wait_for_timeout(500)
        browser.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((host, "data:", "blob:"))] == []
