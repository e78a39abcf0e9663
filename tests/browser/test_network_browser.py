"""The page of the network in a real browser: what it draws, in words and in the address, and what it asks for."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.running import Service

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page whose console stays clean and which asks no other host for anything."""
    host = f"http://127.0.0.1:{service.port}"
    errors: list[str] = []
    asked: list[str] = []
    page = browser.new_page(
        base_url=host, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", locale="zh-CN"
    )
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.close()
    # Chromium itself reports an answer of 400 or 503, which tests ask for.
    assert [
        error for error in errors if not any(status in error for status in ("status of 400", "status of 503"))
    ] == []
    assert [url for url in asked if not url.startswith((host, "data:", "blob:"))] == []


def shown(page: Page) -> str:
    """Return how much is shown, once it is."""
    page.locator("#counts:not(:empty)").wait_for()
    page.locator("#message").wait_for(state="hidden")
    return page.locator("#counts").inner_text()


def test_a_network_that_there_was_no_room_for_is_asked_for_again(page: Page) -> None:
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.fallback()
            return
        refused.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "1"}, json={"detail": "busy"})

    page.route("**/api/v1/network?**", refuse_once)
    page.goto("/network?lang=en&district=310110")
    assert shown(page).startswith("82 nodes")
    assert len(refused) == 1


def test_the_network_is_read_by_keyboard_down_to_the_evidence_of_an_edge(page: Page) -> None:
    page.goto("/network?lang=en&district=310110")
    assert shown(page).startswith("82 nodes")
    page.locator("#find").fill("cydd changhai")
    assert page.locator("#found").inner_text() == "No node matches."
    page.locator("#find").fill("长海医院")
    assert page.locator("#list button").all_inner_texts() == ["长海医院"]
    page.locator("#find").press("Enter")
    panel = page.locator("#panel")
    assert panel.locator("h2").first.inner_text() == "长海医院"
    assert panel.locator("a").first.get_attribute("href") == "/api/v1/member-units/changhai-yiyuan"
    panel.get_by_role("button", name="Evidence: 健康直通车").press("Enter")
    assert "Claim" in panel.locator("h2").first.inner_text()
    assert "Characters" in panel.inner_text()
    assert "/api/v1/articles/" in str(panel.locator("h3 a").first.get_attribute("href"))
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_what_is_chosen_stands_in_the_address_and_in_the_downloads(page: Page) -> None:
    page.goto("/network?lang=en&district=310110")
    before = shown(page)
    with page.expect_response(lambda response: "/api/v1/network?" in response.url):
        page.get_by_label("Claim", exact=True).uncheck()
    assert "edge=membership,part_of,partner" in page.url
    assert shown(page) != before
    assert "edge=membership" in str(page.get_by_text("GEXF").get_attribute("href"))
    page.go_back()
    page.wait_for_url("**/network?lang=en&district=310110")
    assert page.get_by_label("Claim", exact=True).is_checked()


def test_nothing_on_record_and_a_wrong_address_are_said(page: Page) -> None:
    page.goto("/network?lang=en&district=310118")
    page.get_by_text("Nothing is on record").wait_for()
    page.goto("/network?lang=en&as_of=yesterday")
    page.get_by_role("alert").wait_for()
    assert "2013-06-27" in page.get_by_role("alert").inner_text()


def test_the_page_speaks_chinese_first(page: Page) -> None:
    page.goto("/network?district=310110")
    page.locator("#counts:not(:empty)").wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    english = page.locator("[data-language=en]")
    english.click()
    page.wait_for_url("**lang=en")
    assert "district=310110" in page.url
    assert page.locator("h1").inner_text() == "Partnership network"


NAMES = """() => {
  const graph = document.getElementById("picture")._cyreg.cy;
  const named = graph.nodes(":visible").filter((node) => node.pstyle("label").value);
  return named.map((node) => node.pstyle("font-size").value * graph.zoom());
}"""


def test_names_are_readable_on_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/network?lang=en&district=310110")
    shown(page)
    page.wait_for_function(f"() => ({NAMES})().every((size) => size > 9.9)")
    assert len(page.evaluate(NAMES)) > 20
    page.locator("#find").fill("长海医院")
    page.locator("#find").press("Enter")
    heading, close = page.locator("#panel h2").first.bounding_box(), page.locator("#panel .close").bounding_box()
    assert heading is not None
    assert close is not None
    assert heading["x"] + heading["width"] + 4 <= close["x"]  # the outline of the focus is 4 px wide
