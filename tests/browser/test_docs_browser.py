"""The pages for readers of the API in a real browser: no console error, no request to another host."""

import pytest
from playwright.sync_api import Browser, Route

from tests.full import FULL
from tests.running import Service

pytestmark = pytest.mark.enable_socket


def give_some(route: Route) -> None:
    """Give a tenth of the addresses of the OpenAPI document: drawing all of them takes Redoc half a minute."""
    answer = route.fetch()
    document = answer.json()
    paths = document["paths"].items()
    some = {path: item for number, (path, item) in enumerate(paths) if number % 10 == 0 or "districts" in path}
    route.fulfill(response=answer, json={**document, "paths": some})


@pytest.mark.parametrize(
    ("address", "shown"),
    [("/docs/", "/api/v1/districts"), ("/docs/swagger", "/api/v1/districts"), ("/docs/errors", "unknown_parameter")],
)
def test_a_page_opens_without_errors_and_asks_no_other_host(
    browser: Browser, service: Service, address: str, shown: str
) -> None:
    host = f"http://127.0.0.1:{service.port}"
    errors: list[str] = []
    asked: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    if not FULL:
        page.route("**/openapi.json*", give_some)
    page.goto(host + address)
    page.get_by_text(shown).first.wait_for(state="attached", timeout=120_000)
    page.wait_for_timeout(500)
    page.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((host, "data:", "blob:"))] == []
