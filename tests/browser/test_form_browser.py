"""The page of a claim form in a real browser: readable for everybody, and A4 in landscape once it is printed."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.running import Service

pytestmark = pytest.mark.enable_socket
FORM = "/api/v1/alliances/wujiaochang-zhen-lianxihui/form?format=html"
A4_LANDSCAPE = (842, 595)  # points


@pytest.mark.parametrize(("locale", "title"), [("zh-CN", "认领表"), ("en-GB", "Claim form")])
def test_a_form_is_read_and_printed(
    browser: Browser, service: Service, tmp_path: Path, locale: str, title: str
) -> None:
    host = f"http://127.0.0.1:{service.port}"
    asked: list[str] = []
    page = browser.new_page(base_url=host, locale=locale, viewport={"width": 1122, "height": 793})
    page.on("request", lambda request: asked.append(request.url))
    page.goto(FORM)
    expect(page.locator("h1")).to_contain_text(title)
    expect(page.locator(".totals")).to_contain_text("118")
    expect(page.locator(".rows")).to_contain_text("长海医院")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    printed = tmp_path / "form.pdf"
    page.pdf(path=printed, prefer_css_page_size=True)
    page.emulate_media(media="print")
    page.screenshot(path=os.environ.get("FORM_PICTURE", str(tmp_path / "form.png")), full_page=True)
    box = re.search(rb"/MediaBox\s*\[\s*0\s+0\s+([0-9.]+)\s+([0-9.]+)\s*\]", printed.read_bytes())
    assert box is not None
    assert tuple(round(float(each)) for each in box.groups()) == A4_LANDSCAPE
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator("nav.screen")).to_be_hidden()
    page.close()
    assert [url for url in asked if not url.startswith(host)] == []
