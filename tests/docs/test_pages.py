"""The pages for readers of the API: what they hold, in which language, and what they cost to read again."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client, override_settings

from apps.common.openapi.schema import document
from apps.common.resources.registry import viewsets
from apps.docs import guide, reference
from tests.full import share

LANGUAGES = ["zh-hans", "en"]
MOST_ELEMENTS = 20_000


class Elements(HTMLParser):
    """Counts the elements of a page and keeps its anchors and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.count, self.anchors, self.links = 0, list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = dict(attributes)
        self.count += 1
        self.anchors += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []


def read(client: Client, path: str, language: str = "en") -> Elements:
    answer = client.get(f"{path}?lang={language}")
    assert answer.status_code == 200, path
    return Elements(answer.content.decode())


def all_pages() -> list[str]:
    own = [page.url for page in guide.pages("en").values()]
    return ["/docs/", "/docs/guide", *own, *(f"/docs/reference/{name}" for name in reference.pages("en"))]


def test_every_operation_of_the_document_is_on_one_page_of_the_reference(client: Client) -> None:
    shown = [
        anchor
        for name in reference.pages("en")
        for anchor in re.findall(
            r'class="operation" id="(\w+)"', client.get(f"/docs/reference/{name}").content.decode()
        )
    ]
    told = [
        operation["operationId"]
        for item in document()["paths"].values()
        for method, operation in item.items()
        if method in reference.METHODS
    ]
    assert sorted(shown) == sorted(told)
    contents = read(client, "/docs/")
    linked = [link.partition("#")[2] for link in contents.links if link.startswith("/docs/reference/")]
    assert set(told) <= set(linked)


@pytest.mark.parametrize("language", share(0, [*LANGUAGES], 2))
def test_pages_are_small_and_their_links_lead_somewhere(client: Client, language: str) -> None:
    pages = {path: read(client, path, language) for path in all_pages()}
    for path, page in pages.items():
        assert page.count < MOST_ELEMENTS, path
        assert len(page.anchors) == len(set(page.anchors)), path
        for link in page.links:
            target, _mark, anchor = link.partition("#")
            target = target.partition("?")[0] or path
            if target.startswith("/docs/") and not target.endswith(".md"):
                assert target in pages, (path, link)
                assert not anchor or anchor.partition("?")[0] in pages[target].anchors, (path, link)


def test_a_language_that_was_chosen_stays_on_the_way(client: Client) -> None:
    page = read(client, "/docs/guide/querying", "en")
    inner = [link for link in page.links if link.startswith("/docs/") and ".md" not in link]
    assert [link for link in inner if "?lang=en" not in link] == []
    assert "?lang=zh-hans" in page.links


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/reference/claims", "/docs/guide/querying", "/docs/guide/querying.md"]
)
def test_a_page_is_not_sent_twice(client: Client, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "Accept-Language" in first["Vary"]
    assert first["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", ["/docs/reference/nothing", "/docs/guide/nothing", "/docs/guide/nothing.md"])
def test_there_is_no_page_of_another_name(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_old_address_of_the_forms_leads_to_the_new_ones(client: Client) -> None:
    answer = client.get("/docs/swagger?lang=en")
    assert (answer.status_code, answer["Location"]) == (301, "/docs/?lang=en")


def test_the_guide_names_the_service_that_is_asked(client: Client) -> None:
    with override_settings(ALLOWED_HOSTS=["registry.example"]):
        for path in ("/docs/guide/recipes", "/docs/guide/recipes.md"):
            text = client.get(path, headers={"host": "registry.example"}).content.decode()
            assert "http://registry.example/api/v1/claims" in text
            assert guide.ORIGIN not in text


def test_the_source_of_a_page_is_in_the_language_of_the_reader(client: Client) -> None:
    for language, title in (("en", "# Querying"), ("zh-hans", "# 查询")):
        answer = client.get(f"/docs/guide/querying.md?lang={language}")
        assert answer["Content-Type"] == "text/markdown; charset=utf-8"
        assert answer.content.decode().startswith(title)


def test_questions_of_the_first_page_are_filled_in_and_answered(db: None, client: Client) -> None:
    links = [link for link in read(client, "/docs/").links if "?" in link.partition("#")[2]]
    assert len(links) == 6
    for link in links:
        place, _mark, query = link.partition("#")[2].partition("?")
        page = client.get(link.partition("#")[0]).content.decode()
        form = page.partition(f'id="{place}"')[2].partition("</form>")[0]
        path = re.findall(r'data-path="([^"]+)"', form)[0]
        for pair in query.split("&"):
            assert f'name="{pair.partition("=")[0]}"' in form
        key = re.findall(r"key=([^&]+)", query)
        rest = "&".join(pair for pair in query.split("&") if not pair.startswith("key="))
        assert client.get(f"{path.replace('{key}', *key) if key else path}?{rest}").status_code == 200


@pytest.mark.parametrize(("language", "about"), [("en", "committed itself"), ("zh-hans", "哪个单位认领了哪个项目")])
def test_the_first_page_says_of_each_resource_what_it_is_for(client: Client, language: str, about: str) -> None:
    html = client.get(f"/docs/?lang={language}").content.decode()
    said = dict(re.findall(r'<div class="resource" id="([^"]+)">.*?</h3> <span>[^<]*</span>\s*<p>(.+?)</p>', html))
    assert about in said["claims"]
    assert set(viewsets()) <= set(said)
