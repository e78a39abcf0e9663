"""The licence of the data is what whoever runs the service states, in every form in which data leave it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from openpyxl import load_workbook
from rdflib import Graph, URIRef

from apps.common.openapi.schema import document
from partybuild.environment import read_address, read_contact
from tests.conftest import Api

URL = "https://creativecommons.org/licenses/by/4.0/"
LINK = f'<{URL}>; rel="license"'
PATHS = [
    "",
    "alliances?page_size=1",
    "alliances?format=csv",
    "alliances?format=ndjson",
    "alliances?format=xlsx",
    "alliances?format=jsonld",
    "alliances/wujiaochang-zhen-lianxihui",
    "alliances/wujiaochang-zhen-lianxihui/history",
    "search?q=a",
    "statistics",
    "network?street=310110101",
    "changes?page_size=1",
    "vocabularies",
    "figures/summary?measure=units_claiming",
    "articles/wujiaochang-zhen-2013/facts",
]


@pytest.fixture
def stated(settings: Any) -> None:
    settings.DATA_LICENSE_URL = URL
    settings.DATA_LICENSE_NAME = "CC BY 4.0"


@pytest.mark.parametrize("path", PATHS)
def test_answers_with_data_name_the_licence(api: Api, stated: None, path: str) -> None:
    for method in (api.client.get, api.client.head):
        answer = method(f"/api/v1/{path}")
        assert answer.status_code == 200
        assert answer.headers["Link"].split(", ")[-1] == LINK
        assert answer.getvalue() or method == api.client.head
    assert answer.headers["Link"].count('rel="license"') == 1
    if path.startswith("alliances?page_size"):
        assert 'rel="next"' in answer.headers["Link"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_claimed_where_nothing_is_stated(api: Api, path: str) -> None:
    assert "license" not in api.client.head(f"/api/v1/{path}").headers.get("Link", "")


def test_problems_have_no_licence(api: Api, stated: None) -> None:
    for path in ("alliances/nobody", "alliances?nothing=1"):
        assert "Link" not in api.ask(path).headers


def test_the_index_says_it(api: Api, settings: Any) -> None:
    assert api.get("")["license"] is None
    settings.DATA_LICENSE_URL = URL
    assert api.get("")["license"] == {"name": URL, "url": URL}
    settings.DATA_LICENSE_NAME = "CC BY 4.0"
    assert api.get("")["license"] == {"name": "CC BY 4.0", "url": URL}


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Dataset.default_context is deprecated:DeprecationWarning")
@pytest.mark.parametrize("path", ["alliances", "alliances/wujiaochang-zhen-lianxihui"])
def test_linked_data_say_it_of_what_is_said_and_not_of_the_alliance(api: Api, stated: None, path: str) -> None:
    text = api.ask(path, format="jsonld").content.decode()
    graph = Graph().parse(data=text, format="json-ld")
    said = set(graph.subjects(URIRef("http://purl.org/dc/terms/license"), URIRef(URL)))
    record = "http://localhost/api/v1/alliances/wujiaochang-zhen-lianxihui"
    expected = f"{record}?format=jsonld" if "/" in path else "http://localhost/api/v1/alliances"
    assert said == {URIRef(expected)}


def test_a_spreadsheet_says_it(api: Api, stated: None) -> None:
    answer = api.ask("needs", format="xlsx")
    book = load_workbook(io.BytesIO(answer.getvalue()))
    assert any(URL in str(row[1]) for row in book["about"].iter_rows(values_only=True))


@pytest.mark.django_db
def test_a_dump_says_it(stated: None, tmp_path: Path) -> None:
    call_command("dump", tmp_path / "dump", stdout=io.StringIO())
    licence = json.loads((tmp_path / "dump" / "manifest.json").read_text())["licence"]
    assert licence["url"] == URL
    assert "CC BY 4.0" in licence["en"]
    assert URL in licence["zh-Hans"]


def test_the_document_names_the_programs_licence_and_whom_to_ask(settings: Any) -> None:
    info = document()["info"]
    assert info["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    assert info["contact"]["name"]
    text = (settings.BASE_DIR / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0" in text


@pytest.mark.parametrize(
    ("name", "read", "good", "bad"),
    [
        (
            "DATA_LICENSE_URL",
            read_address,
            [URL, "http://a.b"],
            ["x", "javascript:x", "https://", "https://a b/", 'https://a/">', "https://例.cn"],
        ),
        ("CONTACT", read_contact, ["a@b.cn", "https://a.b/ask"], ["a@", "@b", "a b@c.d", "x", "mailto:a@b.c/"]),
    ],
)
def test_an_address_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, read: Any, good: list[str], bad: list[str]
) -> None:
    for text in good:
        monkeypatch.setenv(name, text)
        assert text in str(read(name))
    monkeypatch.setenv(name, "")
    assert not read(name)
    for text in bad:
        monkeypatch.setenv(name, text)
        with pytest.raises(ImproperlyConfigured, match=f"{name} is not valid"):
            read(name)
