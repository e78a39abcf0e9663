"""A page of another origin, in a real browser: it reads lists, files and refusals, and writes nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.running import Service

pytestmark = pytest.mark.enable_socket

ASK = """async ([address, options]) => {
    try {
        const answer = await fetch(address, options);
        const names = ["ETag", "Link", "X-Request-ID", "Content-Disposition"];
        const headers = Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]));
        return {status: answer.status, headers, text: await answer.text()};
    } catch (error) {
        return {status: 0, text: String(error)};
    }
}"""


class Elsewhere(BaseHTTPRequestHandler):
    """A web page that belongs to somebody else."""

    def do_GET(self) -> None:
        """Answer with an empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that another server has given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
    yield page
    page.close()
    server.shutdown()
    server.server_close()


def ask(page: Page, service: Service, path: str, **options: Any) -> Any:
    """Return what a script of the page is told: status 0 where the browser keeps the answer from it."""
    return page.evaluate(ASK, [f"http://127.0.0.1:{service.port}/api/v1/{path}", options])


def test_a_page_of_another_origin_reads(page: Page, service: Service) -> None:
    listed = ask(page, service, "alliances?page_size=3")
    assert listed["status"] == 200
    # In the language of the browser, for an answer says in words why a citation is not quoted.
    language = page.evaluate("navigator.language")
    assert listed["text"].encode() == service.get("/api/v1/alliances?page_size=3", **{"Accept-Language": language})[2]
    assert listed["headers"]["Link"]
    # One that has read the list before asks first whether it may say so.
    again = ask(page, service, "alliances?page_size=3", headers={"If-None-Match": listed["headers"]["ETag"]})
    assert again["status"] == 304
    file = ask(page, service, "alliances?format=csv")
    assert "partybuild-alliances-" in file["headers"]["Content-Disposition"]
    refused = ask(page, service, "alliances?colour=red")
    assert refused["status"] == 400
    assert refused["headers"]["X-Request-ID"] in refused["text"]


def test_a_page_of_another_origin_sends_no_token_and_writes_nothing(page: Page, service: Service) -> None:
    token = {"Authorization": "Bearer pb_nobody.secret"}
    for options in ({"method": "POST", "body": "{}", "headers": token}, {"method": "DELETE"}, {"headers": token}):
        # Not even refused by the service: the browser does not send it.
        assert ask(page, service, "alliances", **options)["status"] == 0, options
    # What any form of any page may send goes without cookies and tokens, and is nobody's.
    typed = {"Content-Type": "application/json"}
    assert ask(page, service, "alliances", method="POST", body="{}", headers=typed)["status"] == 401
