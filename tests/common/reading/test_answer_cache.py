"""Kept answers: never older than the last commit before the request, and no more of them than there is room for."""

import json
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.common.reading import answer_cache
from apps.common.reading.answer_cache import ANSWERS, AnswerCache, CachedAnswer
from apps.common.reading.data_version import VERSION, build
from apps.evidence.models import Figure
from apps.projects.models import Project
from apps.registry.models import Alliance
from tests.conftest import Api, eventually
from tests.factories import AllianceFactory, ProjectFactory
from tests.running import Service, connected_to

# The room -----------------------------------------------------------------------------------------------------------


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept = AnswerCache(100_000)
    for number in range(500):
        kept.put(f"/{number}", CachedAnswer("1", b"x" * (number * 20), ()))
        assert kept.used <= kept.limit
    assert kept.get("/499", "1") == CachedAnswer("1", b"x" * 9_980, ())
    assert kept.get("/0", "1") is None
    kept.clear()
    assert (kept.used, kept.get("/499", "1")) == (0, None)


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept = AnswerCache(10 * (AnswerCache.OVERHEAD + 102))
    for number in range(10):
        kept.put(f"/{number}", CachedAnswer("1", b"x" * 100, ()))
    assert kept.get("/0", "1")
    kept.put("/a", CachedAnswer("1", b"x" * 100, ()))
    assert kept.get("/0", "1")
    assert kept.get("/1", "1") is None


def test_an_answer_of_another_version_is_not_given_and_its_room_is_used_again() -> None:
    kept = AnswerCache(100_000)
    kept.put("/a", CachedAnswer("1", b"old", ()))
    assert kept.get("/a", "2") is None
    kept.put("/a", CachedAnswer("2", b"new", ()))
    assert kept.get("/a", "2") == CachedAnswer("2", b"new", ())
    assert kept.used == AnswerCache.OVERHEAD + 5


def test_what_would_fill_the_room_alone_is_not_kept() -> None:
    kept = AnswerCache(10_000)
    kept.put("/a", CachedAnswer("1", b"x" * 5_000, ()))
    assert (kept.get("/a", "1"), kept.used) == (None, 0)


# Conditional requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["alliances", "projects/a-project", "vocabularies", "statistics", "network"])
def test_what_one_has_already_is_304(api: Api, path: str) -> None:
    ProjectFactory(slug="a-project")

    def check() -> None:
        first = api.ask(path)
        etag = first.headers["ETag"]
        assert etag.startswith('"')
        assert first.headers["Cache-Control"] == "public, no-cache"
        assert {"Accept-Language", "Cookie", "Authorization"} <= set(first.headers["Vary"].replace(" ", "").split(","))
        address = f"/api/v1/{path}"
        for given in (etag, f"W/{etag}", f'"other", {etag}'):
            again = api.client.get(address, headers={"if-none-match": given})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
        assert api.client.get(address, headers={"if-none-match": '"other"'}).content == first.content
        chinese = api.client.get(address, headers={"if-none-match": etag, "accept-language": "zh-Hans"})
        assert (chinese.status_code, chinese.headers["ETag"] == etag) == (200, False)

    eventually(check)


def test_who_is_known_gets_nothing_that_is_kept(api: Api) -> None:
    AllianceFactory(slug="an-alliance")
    etag = api.ask("alliances/an-alliance").headers["ETag"]
    for headers in ({"authorization": "Bearer x"}, {"cookie": f"{settings.SESSION_COOKIE_NAME}=x"}):
        answer = Client(SERVER_NAME="localhost").get(
            "/api/v1/alliances/an-alliance", headers={**headers, "if-none-match": etag}
        )
        assert answer.status_code in (200, 401)
        assert answer.headers["Cache-Control"] == "private, no-cache"


def test_an_answer_is_kept_once_however_its_parameters_are_ordered(
    api: Api, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 1_000_000)
    first = api.ask("/api/v1/alliances?page_size=3&labels=true")
    with django_assert_num_queries(1):
        assert api.ask("/api/v1/alliances?labels=true&page_size=3").content == first.content
    with django_assert_num_queries(1):
        api.client.get("/api/v1/alliances?labels=true&page_size=3", headers={"accept-language": "zh-Hans"})


def test_another_release_answers_anew() -> None:
    assert len(build()) == 16


# Freshness, through the real service --------------------------------------------------------------------------------


def version(connection: "psycopg.Connection[Any]") -> str:
    row = connection.execute(VERSION).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.enable_socket
def test_the_version_moves_with_every_commit_in_whatever_order(loaded_url: str) -> None:
    change = (
        "UPDATE registry_alliance SET summary = summary || '。' WHERE id = (SELECT min(id) + %s FROM registry_alliance)"
    )
    with (
        psycopg.connect(loaded_url, autocommit=True) as reader,
        psycopg.connect(loaded_url) as early,
        psycopg.connect(loaded_url) as late,
    ):
        seen = [version(reader)]
        early.execute("SELECT pg_current_xact_id()")  # takes its number first, changes and commits last
        late.execute(change, [1])
        assert version(reader) == seen[0]
        late.commit()
        seen.append(version(reader))
        early.execute(change, [2])
        assert version(reader) == seen[-1]
        early.commit()
        seen.append(version(reader))
        early.execute(change, [0])
        early.rollback()
        assert version(reader) == seen[-1]
        with reader.cursor() as cursor:
            for statement in ("TRUNCATE evidence_mark", "DELETE FROM registry_unitname WHERE id % 2 = 0"):
                cursor.execute(statement)
                seen.append(version(reader))
            # Drafts, which nobody in particular sees, move nothing.
            columns = "created_at, updated_at, slug, state, name, name_pinyin, search_text, prose, kind, summary"
            with cursor.copy(f"COPY registry_memberunit ({columns}) FROM STDIN") as copy:
                copy.write_row(("now", "now", "copied-in", "draft", "抄来", "Chaolai", "抄来", "", "company", ""))
        assert version(reader) == seen[-1]
        assert len(set(seen)) == len(seen)
        # What changes nothing is no change.
        reader.execute("UPDATE registry_alliance SET updated_at = now()")
        reader.execute("DELETE FROM registry_unitname WHERE false")
        assert version(reader) == seen[-1]


@pytest.mark.enable_socket
def test_the_version_moves_with_what_everybody_may_see_and_not_with_drafts(
    loaded_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), connected_to(loaded_url), psycopg.connect(loaded_url, autocommit=True) as reader:

        def moved_by(work: Callable[[], Any]) -> bool:
            before = version(reader)
            work()
            return version(reader) != before

        draft = AllianceFactory.build(slug="a-draft", state="draft")
        assert not moved_by(draft.save)
        rows = Alliance.objects.filter(slug="a-draft")
        assert not moved_by(lambda: rows.update(slogan="新"))
        for state in ("submitted", "submitted", "draft", "submitted"):
            assert not moved_by(partial(rows.update, state=state))
        # In the registry's own words, so that its evidence stays.
        published = Project.objects.filter(state="published").exclude(summary="")
        assert moved_by(lambda: published.update(summary="新"))
        # Taken back and made known to all: who knew it has to learn of it.
        pk = Figure.objects.filter(state="published").values_list("pk", flat=True)[0]
        for state in ("draft", "published", "submitted", "published"):
            assert moved_by(partial(Figure.objects.filter(pk=pk).update, state=state))
        assert not moved_by(rows.delete)
        connection.close()


def test_a_tag_is_made_under_a_key_of_the_service(api: Api, settings: Any) -> None:
    def check() -> None:
        first = api.ask("vocabularies").headers["ETag"]
        settings.SECRET_KEY, former = "another-secret-key-of-the-tests-0123456789", settings.SECRET_KEY
        answer_cache._tag_key.cache_clear()
        other = api.ask("vocabularies").headers["ETag"]
        settings.SECRET_KEY = former
        answer_cache._tag_key.cache_clear()
        assert other != first
        assert api.ask("vocabularies").headers["ETag"] == first

    eventually(check)


# Has the citations of some alliances support their summaries, which are in the registry's own words.
SUPPORT = """
    UPDATE evidence_citation SET supports = array_append(supports, 'summary')
    FROM registry_alliance AS cited, django_content_type AS kind
    WHERE kind.id = content_type_id AND kind.app_label = 'registry' AND kind.model = 'alliance'
      AND cited.id = object_id AND cited.slug = ANY (%s) AND 'summary' <> ALL (supports)
"""


@pytest.mark.enable_socket
def test_no_reader_sees_what_is_older_than_the_last_commit(shared_service: Service) -> None:
    """Writers in overlapping transactions that commit out of order; readers of details and lists beside them."""
    slugs = [row["slug"] for row in shared_service.read("/api/v1/alliances?page_size=4&fields=slug")["results"]]
    committed = dict.fromkeys(slugs, 0)
    failures: list[str] = []
    reads = dict.fromkeys(("detail", "list", "304"), 0)
    # Until each has written and read often enough, which a machine that has much else to do takes long for.
    early, late = time.monotonic() + 2, time.monotonic() + 30

    def goes_on() -> bool:
        now = time.monotonic()
        return now < early or (now < late and min(*committed.values(), *reads.values()) <= 10)

    def write(own: list[str], pause: float) -> None:
        number = 0
        with psycopg.connect(shared_service.url) as connection:
            while goes_on():
                number += 1
                for slug in own:
                    connection.execute("UPDATE registry_alliance SET summary = %s WHERE slug = %s", [str(number), slug])
                    time.sleep(pause)
                connection.commit()
                committed.update(dict.fromkeys(own, number))
                time.sleep(0.05)

    def read_details() -> None:
        etags: dict[str, str] = {}
        known: dict[str, int] = {}
        while goes_on():
            for slug in slugs:
                least = committed[slug]
                headers = {"If-None-Match": etags[slug]} if slug in etags else {}
                status, given, body = shared_service.get(f"/api/v1/alliances/{slug}", **headers)
                if status == 304:
                    reads["304"] += 1
                else:
                    known[slug] = int(json.loads(body)["summary"] or 0)
                    etags[slug] = given["etag"]
                    reads["detail"] += 1
                if known[slug] < least:
                    failures.append(f"{slug}: {known[slug]} was answered with {status} after {least} was committed")

    def read_lists() -> None:
        while goes_on():
            least = dict(committed)
            rows = shared_service.read("/api/v1/alliances?page_size=4&fields=slug,summary")["results"]
            failures.extend(
                f"{row['slug']} in a list: {row['summary']} after {least[row['slug']]} was committed"
                for row in rows
                if int(row["summary"] or 0) < least[row["slug"]]
            )
            reads["list"] += 1

    with psycopg.connect(shared_service.url) as connection:  # in one transaction with the support of the summaries
        connection.execute("UPDATE registry_alliance SET summary = '0' WHERE slug = ANY (%s)", [slugs])
        connection.execute(SUPPORT, [slugs])
    threads = [
        threading.Thread(target=write, args=(slugs[:2], 0.02)),
        threading.Thread(target=write, args=(slugs[2:], 0.005)),
        *(threading.Thread(target=read_details) for _number in range(2)),
        *(threading.Thread(target=read_lists) for _number in range(2)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert min(committed.values()) > 5
    assert min(reads.values()) > 5, reads
    assert os.environ.get("ANSWER_CACHE_MB", "64") != "0"
