"""What docs/adding-a-resource.md promises of the resource that it adds.

tests/test_adding_a_resource.py runs this in a copy of the project that has the resource, on a database of its own.
"""

import csv
import io
import json
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS

from apps.common.models.records import citable_models
from apps.common.resources.registry import check_serializers
from tests import factories

ROOT = "/api/v1"
RESOURCE = "talks"


def main() -> None:
    """Migrate, and try whatever a resource is promised."""
    call_command("makemigrations", "events", verbosity=0)
    call_command("migrate", "events", verbosity=0)
    check_serializers()
    keeper = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
    keeper.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    with transaction.atomic():  # a published record and its citation
        talk: Any = factories.TalkFactory(name="区域化党建讲座")
    read(Client(SERVER_NAME="localhost", headers={"accept-language": "en"}), talk)
    write(keeper, talk)
    import_and_export(keeper, talk)
    show_to_curators(keeper, talk)
    describe(keeper)


def good(response: Any, status: int = 200) -> Any:
    """Return the content of a good answer."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    assert response.status_code == status, (response.status_code, content.decode()[:2000])
    return json.loads(content) if "json" in response.headers["Content-Type"] else content.decode()


def read(client: Client, talk: Any) -> None:
    """Read list, detail, linked data, search and statistics, as anybody may."""
    address = f"{ROOT}/{RESOURCE}/{talk.slug}"
    for query in ("", "?kind=lecture&given_after=2024-01-01&q=dangjian&facets=kind&labels=true&count=true"):
        page = good(client.get(f"{ROOT}/{RESOURCE}{query}"))
        assert [record["url"] for record in page["results"]] == [address]
    record = good(client.get(f"{address}?expand=speaker"))
    assert record["name"] == talk.name
    assert record["speaker"]["kind"] == talk.speaker.kind
    assert record["given_on_latest"] == "2024-05-31"
    assert record["citations"]
    assert good(client.get(f"{address}?format=jsonld"))["@type"] == ["schema:Event"]
    assert [hit["url"] for hit in good(client.get(f"{ROOT}/search?q={talk.name}"))["results"]] == [address]
    assert good(client.get(f"{ROOT}/statistics?resource={RESOURCE}&by=year"))["totals"] == {RESOURCE: 1}
    assert RESOURCE in {item["name"] for item in good(client.get(f"{ROOT}/"))["resources"]}


def write(keeper: Client, talk: Any) -> None:
    """Make, change and delete a record, and read its history."""
    body = {
        "change_reason": "test",
        "name": "测试党课",
        "kind": "lesson",
        "speaker": talk.speaker.slug,
        "given_on": "2024",
    }
    made = good(keeper.post(f"{ROOT}/{RESOURCE}", body, content_type="application/json"), 201)
    tag = keeper.get(made["url"]).headers["ETag"]
    changed = good(
        keeper.patch(
            made["url"],
            {"change_reason": "test", "given_on": "2024-06"},
            content_type="application/json",
            headers={"If-Match": tag},
        )
    )
    assert changed["given_on_earliest"] == "2024-06-01"
    refused = keeper.post(f"{ROOT}/{RESOURCE}", {**body, "kind": "other"}, content_type="application/json")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/kind"]
    changes = good(keeper.get(f"{made['url']}/history"))["results"]
    assert [change["operation"] for change in changes] == ["update", "insert"]


def import_and_export(keeper: Client, talk: Any) -> None:
    """Export the list, and import it with a row that is new."""
    rows = list(csv.DictReader(io.StringIO(good(keeper.get(f"{ROOT}/{RESOURCE}?format=csv")))))
    assert talk.slug in {row["slug"] for row in rows}
    content = f"slug,name,kind,speaker,given_on\n,测试报告会,lecture,{talk.speaker.slug},2025\n"
    done = good(keeper.post(f"{ROOT}/{RESOURCE}/import?change_reason=test", content.encode(), content_type="text/csv"))
    assert (done["created"], done["changed"]) == (1, 0)


def show_to_curators(keeper: Client, talk: Any) -> None:
    """Open the curators' pages: list, a new record, one that is there, its history, and an import."""
    page = "admin:{0.app_label}_{0.model_name}_{{}}".format(citable_models()[RESOURCE]._meta).format
    for name, arguments in (("changelist", []), ("add", []), ("change", [talk.pk]), ("history", [talk.pk])):
        assert talk.name in good(keeper.get(reverse(page(name), args=arguments))) or not arguments


def describe(client: Client) -> None:
    """Generate the document without a warning, and find the resource in it."""
    document = good(client.get(f"{ROOT}/openapi.json"))
    assert not GENERATOR_STATS, "the generator warns (see above)"
    assert document["paths"][f"{ROOT}/{RESOURCE}"]["get"]["tags"] == ["events"]
    assert "TalkKind" in document["components"]["schemas"]
