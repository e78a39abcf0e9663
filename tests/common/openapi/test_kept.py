"""The document as it is sent: small, compressed, with a tag, and read from files that other code never reads."""

import gzip
import json
from pathlib import Path
from typing import Any

import brotli
import pytest
import yaml
from django.core.management import call_command
from django.test import Client, RequestFactory

from apps.common.http.codings import choose_coding
from apps.common.openapi import kept
from tests.document import operations

DECODE = {"identity": lambda content: content, "gzip": gzip.decompress, "br": brotli.decompress}
LANGUAGES = kept.languages()


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the documents, of a process that has read none yet."""
    settings.OPENAPI_FOLDER = str(tmp_path / "openapi")
    read = kept.kept
    monkeypatch.setattr(kept, "kept", read.__wrapped__)
    return tmp_path / "openapi"


def ask(client: Client, query: str = "", form: str = "json", **headers: str) -> Any:
    return client.get(
        f"/api/v1/openapi.{form}{query}", headers={name.replace("_", "-"): headers[name] for name in headers}
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", kept.FORMS)
def test_the_document_is_small_in_each_language(client: Client, language: str, form: str) -> None:
    answer = ask(client, f"?lang={language}", form)
    document = yaml.load(answer.content, Loader=yaml.CSafeLoader)
    compact = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    assert len(compact) / len(operations(document)) <= 4_000
    zipped = ask(client, f"?lang={language}", form, accept_encoding="gzip")
    assert len(zipped.content) <= 130_000
    assert len(ask(client, f"?lang={language}", form, accept_encoding="br").content) < len(zipped.content)
    assert form != "json" or len(answer.content) == len(compact)


@pytest.mark.parametrize("coding", DECODE)
def test_each_coding_has_a_tag_and_is_not_sent_again(client: Client, coding: str) -> None:
    plain, answer = ask(client), ask(client, accept_encoding=coding)
    assert answer.get("Content-Encoding", "identity") == coding
    assert DECODE[coding](answer.content) == plain.content
    assert (answer["ETag"] == plain["ETag"]) == (coding == "identity")
    assert answer["ETag"].startswith('"')
    assert answer["Cache-Control"] == "public, no-cache"
    assert {"Accept", "Accept-Encoding", "Accept-Language"} <= set(answer["Vary"].split(", "))
    for known in (answer["ETag"], f'"other", W/{answer["ETag"]}', "*"):
        again = ask(client, accept_encoding=coding, if_none_match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Vary"]) == (answer["ETag"], answer["Vary"])
    others = [ask(client, accept_encoding=other)["ETag"] for other in DECODE if other != coding]
    for known in (*others, ask(client, "?lang=en", accept_encoding=coding)["ETag"]):
        assert ask(client, accept_encoding=coding, if_none_match=known).status_code == 200


def test_its_head_says_the_same_without_the_body(client: Client) -> None:
    answer = client.head("/api/v1/openapi.json", headers={"Accept-Encoding": "br"})
    whole = ask(client, accept_encoding="br")
    assert answer.content == b""
    for name in ("ETag", "Content-Length", "Content-Encoding", "Content-Type", "Content-Language", "Vary"):
        assert answer[name] == whole[name]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;Q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br; q=0 , gzip", "gzip"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "gzip"),
        ("br;q=0, gzip;q=0", "identity"),
        ("identity;q=1, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=2, br;q=x", "br"),  # weights that cannot be read say nothing
        ("identity;q=0, *;q=0", "identity"),
        ("zstd", "identity"),
    ],
)
def test_the_coding_is_the_one_that_is_liked_best(accepted: str, coding: str) -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepted} if accepted else {})
    assert choose_coding(request, ("br", "gzip")) == coding


def test_documents_are_made_once_and_read_by_all_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = folder / "of-other-code"
    old.mkdir(parents=True)
    assert not kept.is_kept()
    call_command("make_documents")
    assert kept.is_kept()
    assert not old.exists()
    assert len(list(kept.folder_of_digest().iterdir())) == len(LANGUAGES) * 2 * 3

    def refuse() -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(kept, "_made", refuse)
    call_command("make_documents")
    found = kept.kept("en", "json")
    assert json.loads(found.identity.content)["info"]["title"] == "partybuild"
    assert gzip.decompress(found.gzip.content) == found.identity.content


def test_without_a_folder_each_process_makes_its_own(folder: Path) -> None:
    folder.write_text("no folder", encoding="utf-8")
    assert json.loads(kept.kept("en", "json").identity.content)["openapi"] == "3.1.0"
    assert not kept.is_kept()


def test_a_file_that_is_lost_is_made_again(folder: Path) -> None:
    kept.keep()
    (kept.folder_of_digest() / "en.json.gzip").unlink()
    assert gzip.decompress(kept.kept("en", "json").gzip.content)


def test_other_code_has_another_digest(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "apps").mkdir()
    found = set()
    for name, content in (("a.py", "a = 1"), ("a.py", "a = 2"), ("b.py", ""), ("b.mo", "x"), ("b.json", "{}")):
        (tmp_path / "apps" / name).write_text(content, encoding="utf-8")
        found.add(kept.digest_of(tmp_path))
    assert len(found) == 5
    (tmp_path / "apps" / "c.txt").write_text("no part of it", encoding="utf-8")
    assert kept.digest_of(tmp_path) in found
    settings.SPECTACULAR_SETTINGS = {**settings.SPECTACULAR_SETTINGS, "VERSION": "9"}
    assert kept.digest.__wrapped__() != kept.digest()
