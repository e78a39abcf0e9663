"""The databases of a test run: prepared anew when what made them has changed, and dropped when nobody holds them."""

from collections.abc import Iterator

import pytest

from tests.databases import Server, begin_run, connect, digests, drop, make_copy, origin, prefix, prepare

FILES = {"apps/a.py": "1", "apps/b.py": "1", "fixtures/x.yaml": "1", "requirements-dev.lock": "1"}
LEFT = f"{prefix()}_999999999"  # no process has such a number


@pytest.fixture
def server() -> Iterator[Server]:
    with connect() as server:
        yield server


@pytest.mark.parametrize("name", ["apps/a.py", "fixtures/x.yaml", "requirements-dev.lock", "apps/migrations/new.py"])
def test_what_was_loaded_read_or_added_makes_another_database(name: str):
    assert origin({**FILES, name: "2"}, ["apps/a.py"]) != origin(FILES, ["apps/a.py"])


def test_a_module_that_was_not_loaded_makes_none():
    assert origin({**FILES, "apps/b.py": "2"}, ["apps/a.py"]) == origin(FILES, ["apps/a.py"])


def test_what_decides_the_content_is_told_of():
    assert {"requirements-dev.lock", "tests/fill_database.py", "fixtures/gazetteer/districts.csv"} <= {*digests()}


def test_a_database_is_prepared_once(prepared: str, server: Server):
    assert prepare(server) == prepared


def test_what_a_killed_run_left_is_dropped_and_what_is_used_stays(prepared: str, server: Server):
    query = "SELECT array_agg(datname::text) FROM pg_database"
    make_copy("template0", f"{LEFT}_copy_1")
    with connect() as other:
        used = begin_run(other)
        make_copy("template0", f"{used}_of_this_test")
        try:
            begin_run(server)
            ((names,),) = server.execute(query).fetchall()
        finally:
            drop(f"{used}_of_this_test")
    assert f"{LEFT}_copy_1" not in names
    assert {f"{used}_of_this_test", prepared} <= {*names}
