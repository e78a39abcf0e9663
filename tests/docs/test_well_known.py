"""Files under fixed addresses: what a program finds that knows nothing but the host."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings

from apps.docs import guide
from tests.test_delivery import manage


def test_the_catalogue_leads_to_description_and_documentation(db: None, client: Client) -> None:
    answer = client.get("/.well-known/api-catalog")
    assert answer["Content-Type"].startswith("application/linkset+json")
    assert answer["Link"] == '<http://testserver/.well-known/api-catalog>; rel="api-catalog"'
    for context in json.loads(answer.content)["linkset"]:
        targets = [target for name, targets in context.items() if name != "anchor" for target in targets]
        for target in targets:
            found = client.get(target["href"].removeprefix("http://testserver"))
            assert found.status_code == 200, target
            if "type" in target and "openapi" not in target["type"]:
                assert found["Content-Type"].startswith(target["type"]), target


def test_the_index_links_to_the_description_and_the_documentation(db: None, client: Client) -> None:
    link = client.get("/api/v1/")["Link"]
    assert '</api/v1/openapi.json>; rel="service-desc"' in link
    assert '</docs/>; rel="service-doc"' in link


def test_there_are_contacts_where_the_operator_has_named_some(client: Client) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404
    until = datetime(2027, 1, 31, tzinfo=UTC)
    with override_settings(SECURITY_CONTACT=["mailto:a@example.org", "https://example.org/s"], SECURITY_EXPIRES=until):
        answer = client.get("/.well-known/security.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().splitlines() == [
        "Contact: mailto:a@example.org",
        "Contact: https://example.org/s",
        "Expires: 2027-01-31T00:00:00+00:00",
        "Preferred-Languages: zh, en",
        "Canonical: http://testserver/.well-known/security.txt",
    ]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SECURITY_CONTACT": "a@example.org"}, "begins with neither mailto:, https:// nor tel:"),
        ({"SECURITY_CONTACT": "mailto:a@example.org"}, "SECURITY_EXPIRES is not set"),
        ({"SECURITY_CONTACT": "mailto:a@example.org", "SECURITY_EXPIRES": "soon"}, "SECURITY_EXPIRES is not valid"),
        (
            {"SECURITY_CONTACT": "mailto:a@example.org", "SECURITY_EXPIRES": "2027-01-31T00:00:00"},
            "it names no time zone",
        ),
    ],
)
def test_a_contact_that_nobody_can_use_stops_the_start(settings: dict[str, str], reason: str) -> None:
    run = manage("check", **settings)
    assert run.returncode != 0
    assert reason in run.stderr.strip().splitlines()[-1]


def test_files_at_the_root_are_served(client: Client) -> None:
    robots: Any = client.get("/robots.txt")
    assert "Disallow: /admin/" in robots.getvalue().decode()
    icon: Any = client.get("/favicon.ico")
    assert icon.getvalue()[:4] == b"\x00\x00\x01\x00"


def test_language_models_find_every_page(client: Client) -> None:
    for language in ("en", "zh-hans"):
        text = client.get(f"/llms.txt?lang={language}").content.decode()
        assert text.startswith("# partybuild\n\n> ")
        for page in guide.pages(language).values():
            assert f"- [{page.title}]({page.source}?lang={language}): {page.lead}" in text
            assert client.get(f"{page.source}?lang={language}").status_code == 200
