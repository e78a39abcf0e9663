"""`manage.py dump`: everything published, reproducible, put in its place as a whole."""

# mypy: allow-untyped-calls

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.common.resources.registry import viewsets
from apps.registry.models import Alliance, Street
from apps.service.management.commands import dump
from tests.factories import AllianceFactory

pytestmark = pytest.mark.django_db


@contextmanager
def here() -> Iterator[Any]:
    """Give a cursor that sees what the test has made."""
    with connection.cursor() as cursor:
        yield cursor


def run(folder: Path, *options: str) -> Any:
    call_command("dump", str(folder), *options, stdout=StringIO())
    return json.loads((folder / dump.MANIFEST).read_text(encoding="utf-8"))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Path:
    """Return a dump of the fixtures."""
    with django_db_blocker.unblock():
        run(tmp_path_factory.getbasetemp() / "dumped" / "whole")
    return tmp_path_factory.getbasetemp() / "dumped" / "whole"


def test_every_resource_is_there_as_the_manifest_says(whole: Path) -> None:
    manifest = json.loads((whole / dump.MANIFEST).read_text(encoding="utf-8"))
    assert set(manifest["resources"]) == set(viewsets())
    named = {name for resource in manifest["resources"].values() for name in resource["files"]}
    assert {path.name for path in whole.iterdir()} == named | {dump.MANIFEST}
    for resource, said in manifest["resources"].items():
        for name, file in said["files"].items():
            data = (whole / name).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
        records = [json.loads(line) for line in (whole / f"{resource}.ndjson").read_bytes().splitlines()]
        with (whole / f"{resource}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        assert len(records) == len(rows) == said["records"]
        assert header == [column["name"] for column in said["columns"]]
        assert all(column["description"]["en"] for column in said["columns"])
        url = header.index("url")
        assert [record["url"] for record in records] == [row[url] for row in rows]
        keys = [record["url"].rpartition("/")[2].encode() for record in records]
        assert keys == sorted(set(keys))


def test_it_holds_the_divisions_of_all_editions(whole: Path) -> None:
    streets = (whole / "streets.ndjson").read_bytes().splitlines()
    assert len(streets) == Street.objects.count()
    assert [json.loads(line) for line in streets if b'"/api/v1/streets/310110101"' in line]


def test_the_same_data_make_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    run(tmp_path / "again")
    assert content(tmp_path / "again") == content(whole)


def test_when_a_row_was_written_is_not_part_of_the_data(tmp_path: Path) -> None:
    found = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        with here() as cursor:
            found.append(dump.write(tmp_path / name, cursor, compressed=False))
        for slogan in ("另一句", ""):  # there and back
            Alliance.objects.filter(slug="wujiaochang-zhen-lianxihui").update(slogan=slogan)
        assert Alliance.objects.get(slug="wujiaochang-zhen-lianxihui").slogan == ""
    before, after = found
    assert before["sha256"] == after["sha256"]
    assert before["data_time"] < after["data_time"]
    with here() as cursor:
        Alliance.objects.filter(slug="wujiaochang-zhen-lianxihui").update(slogan="另一句")
        assert dump.write(tmp_path / "after", cursor, compressed=False)["sha256"] != before["sha256"]
    # Nobody says the sentence, and so it does not outlast the transaction.
    Alliance.objects.filter(slug="wujiaochang-zhen-lianxihui").update(slogan="")


def test_drafts_are_not_dumped(tmp_path: Path) -> None:
    AllianceFactory(slug="a-draft", state="draft")
    AllianceFactory(slug="a-published")
    with here() as cursor:
        dump.write(tmp_path, cursor, compressed=False)
    assert b"a-published" in (tmp_path / "alliances.ndjson").read_bytes()
    assert [name for name, data in content(tmp_path).items() if b"a-draft" in data] == []


def test_compressed_files_hold_the_same(whole: Path, tmp_path: Path) -> None:
    manifest = run(tmp_path / "packed", "--gzip")
    for name, data in content(tmp_path / "packed").items():
        if name.endswith(".gz"):
            assert gzip.decompress(data) == (whole / name.removesuffix(".gz")).read_bytes()
            assert data[4:8] == bytes(4)  # no time in the file's head
            said = manifest["resources"][name.partition(".")[0]]["files"][name]
            assert said["compressed_sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["sha256"] == json.loads((whole / dump.MANIFEST).read_text(encoding="utf-8"))["sha256"]


def test_a_dump_that_fails_leaves_the_one_before(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(whole)

    def fail(*args: Any) -> Any:
        raise OSError("no space left")

    monkeypatch.setattr(dump, "manifest_of", fail)
    with pytest.raises(OSError, match="no space left"):
        run(whole)
    assert content(whole) == before
    assert [path.name for path in whole.parent.iterdir()] == [whole.name]


def test_what_is_no_dump_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear all", encoding="utf-8")
    with pytest.raises(CommandError, match="neither empty nor a dump"):
        run(tmp_path)
    assert content(tmp_path) == {"letter.txt": b"dear all"}


def test_an_earlier_dump_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / dump.MANIFEST).write_text("{}", encoding="utf-8")
    (folder / "old.csv").write_text("old", encoding="utf-8")
    run(folder)
    assert "old.csv" not in content(folder)
    assert len(content(folder)) == 2 * len(viewsets()) + 1
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]
