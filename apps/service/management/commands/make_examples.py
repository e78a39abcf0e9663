"""Write the examples of the OpenAPI document: real answers of this service, read over HTTP."""

import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client

from apps.common.openapi.names import operation_id
from apps.common.openapi.schema import EXAMPLES
from apps.common.values.json import JsonValue

LONGEST = 5000
# The one thing in an answer that differs from one loading of the fixtures to the next.
MOMENT = "2026-01-01T00:00:00.000000Z"


def still(value: JsonValue) -> JsonValue:
    """Return an answer with its instants replaced by a fixed one."""
    if isinstance(value, dict):
        return {name: MOMENT if name.endswith("_at") else still(inner) for name, inner in value.items()}
    return [still(inner) for inner in value] if isinstance(value, list) else value


def collect() -> dict[str, JsonValue]:
    """Return for every resource a list of one record and the same record whole, by operation.

    The record taken is the longest that does not fill the page; a resource without records has no example.
    """
    client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
    found: dict[str, JsonValue] = {}
    for resource in client.get(f"{settings.API_ROOT}/").json()["resources"]:
        page = client.get(resource["url"], {"page_size": "30"}).json()["results"]
        wholes = {record["url"]: client.get(record["url"]).json() for record in page}
        fitting = [url for url, whole in wholes.items() if len(json.dumps(whole, ensure_ascii=False)) <= LONGEST]
        if not fitting:
            continue
        url = max(fitting, key=lambda url: len(json.dumps(wholes[url], ensure_ascii=False)))
        name = resource["name"]
        record = next(record for record in page if record["url"] == url)
        ends = dict.fromkeys(("next", "previous", "next_cursor", "previous_cursor"))
        found[operation_id("list", name)] = {"results": [still(record)], **ends}
        found[operation_id("get", name)] = still(wholes[url])
    return found


class Command(BaseCommand):
    """Write the examples of the OpenAPI document from what the registry holds."""

    help = __doc__

    def handle(self, **options: object) -> None:
        found = collect()
        if not found:
            raise CommandError("the registry is empty: load the fixtures first")
        EXAMPLES.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        self.stdout.write(f"{EXAMPLES}: {len(found)} examples")
