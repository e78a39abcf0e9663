"""All that somebody can find out about records that move by a workflow: each address that could tell of them, asked.

What parties tell each other bears marks, texts that stand nowhere else. So whatever an answer is made of, the bytes of
it say whether it tells somebody what is kept from him.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.test import Client

from apps.common.models.logged_change import LoggedChange
from apps.common.models.moved import moved_models
from apps.common.resources.registry import viewsets
from apps.explore.search.sql import searched
from apps.history.items import told_tables
from apps.webhooks.matching import items_of
from tests.parties import ROOT

MODELS: dict[str, Any] = {model.resource: model for model in moved_models()}
MARK = re.compile(rb"zqx[0-9]+x")
WORD = re.compile(rb"[\w-]+")  # of an address, which ends before and behind a key


def mark(number: int) -> str:
    """Return the text by which something is known again wherever it stands."""
    return f"zqx{number}x"


@dataclass(frozen=True)
class Asked:
    """Where to look: the records, by resource and key; others that could name them; and since when they are there.

    `closely` are the records of which all addresses are asked for, and not only their own. Without `instants` only
    their own are, and of the rest nothing that takes long.
    """

    records: tuple[tuple[str, str], ...]
    beside: tuple[str, ...]
    street: str
    since: str
    closely: frozenset[tuple[str, str]]
    instants: tuple[str, ...] = ()

    def lists(self) -> Iterator[tuple[str, str]]:
        """Yield the addresses of lists that hold the records, each with the resource."""
        for resource in MODELS:
            every = f"{resource}?updated_after={quote(self.since)}"
            references = ",".join(viewsets()[resource].serializer_class.expandable())
            yield resource, f"{every}&page_size=200&expand={references}"
            yield resource, f"{every}&format=csv&labels=true"
            if self.instants:
                yield from ((resource, f"{every}&format={each}") for each in ("ndjson", "jsonld"))
                yield from ((resource, f"{every}&page_size=200&known_at={quote(at)}") for at in self.instants)

    def details(self) -> Iterator[tuple[str, str, str]]:
        """Yield the addresses of the records and of what is told of them, each with resource and key."""
        for resource, key in self.records:
            path, is_close = f"{resource}/{key}", (resource, key) in self.closely
            if is_close or self.instants:
                yield resource, key, path
            if not (is_close and self.instants):
                continue
            yield resource, key, f"{path}?format=jsonld"
            yield from ((resource, key, f"{path}/{each}") for each in ("history", "statements", "actions"))
            yield from ((resource, key, f"{path}?known_at={quote(at)}") for at in self.instants)
            if resource in ("needs", "resources"):
                yield resource, key, f"{path}/matches"

    def others(self) -> Iterator[str]:
        """Yield the addresses that could tell of the records among other things."""
        yield from self.beside
        yield f"calendar.ics?street={self.street}"
        if self.instants:
            yield from (f"{each}?updated_after={quote(self.since)}&page_size=200" for each in EVIDENCE)
            yield f"network?street={self.street}&include=events&depth=2"
            yield f"statistics?street={self.street}&by=status"
            yield from (f"search?q=zqx&resource={each}&page_size=200" for each in searched() if each not in MODELS)


EVIDENCE = ("attestations", "citations", "round-projects", "figures")


class Eyes:
    """Somebody who looks at all of it: a client, and the user whom webhooks tell, if there is one."""

    def __init__(self, client: Client, user: Any = None) -> None:
        self.client, self.user = client, user
        self.asked = 0

    def ask(self, path: str) -> tuple[int, bytes]:
        """Return the status and the whole body of an answer; what a calendar folds is put together."""
        self.asked += 1
        answer: Any = self.client.get(f"{ROOT}/{path}")
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, body.replace(b"\r\n ", b"")

    def json(self, path: str) -> Any:
        """Return what a good answer says."""
        status, body = self.ask(path)
        assert status == 200, (path, body.decode())
        return json.loads(body)


def marks_in(body: bytes) -> set[str]:
    """Return the marks that stand in an answer."""
    return {each.decode() for each in MARK.findall(body)}


def words_in(body: bytes) -> set[str]:
    """Return the words of an answer, keys among them."""
    return {each.decode() for each in WORD.findall(body)}


def feed_of(eyes: Eyes, since: str) -> tuple[dict[tuple[str, str], Any], bytes]:
    """Return the last item of each record in the feed, and all of it but what only says that a record is gone."""
    last: dict[tuple[str, str], Any] = {}
    told, path = [], f"changes?since={quote(since)}&page_size=200"
    while path:
        page = eyes.json(path)
        for item in page["items"]:
            last[item["resource"], item["key"]] = item
            if (item["state"], item["data"], item["name"]) != ("deleted", None, None):
                told.append(item)
        path = page["next"].removeprefix(f"{ROOT}/") if page["more"] else ""
    return last, json.dumps(told, ensure_ascii=False).encode()


def messages_of(eyes: Eyes, start: int) -> dict[tuple[str, str], str]:
    """Return what webhooks tell somebody of all changes behind a number: the last operation, by record."""
    found: dict[tuple[str, str], str] = {}
    for resource in MODELS:
        tables = told_tables([resource])
        entries = [*LoggedChange.objects.filter(number__gt=start, table_name__in=tables).order_by("number")]
        for item in items_of(resource, {}, eyes.user, entries):
            found[resource, str(item["key"])] = str(item["operation"])
    return found


def found_by_search(eyes: Eyes) -> tuple[set[tuple[str, str]], bytes]:
    """Return the records that a search for the marks finds, and the answer."""
    status, body = eyes.ask(f"search?q=zqx&resource={','.join(set(MODELS) & set(searched()))}&page_size=200")
    assert status == 200, body.decode()
    answer = json.loads(body)
    assert answer["next"] is None
    return {(each["resource"], each["key"]) for each in answer["results"]}, body


def counted_by_status(eyes: Eyes, since: str) -> dict[str, Mapping[str, int]]:
    """Return for each kind of record how many stand in which status, as facets of its list have it."""
    found: dict[str, Mapping[str, int]] = {}
    for resource in MODELS:
        page = eyes.json(f"{resource}?updated_after={quote(since)}&page_size=1&facets=status")
        found[resource] = {each["value"]: each["count"] for each in page["facets"]["status"]}
    return found


def keys_of(records: Iterable[tuple[str, str]], resource: str) -> set[str]:
    """Return the keys of the records of a kind."""
    return {key for of, key in records if of == resource}
