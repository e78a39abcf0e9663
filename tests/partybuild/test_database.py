"""The embedded PostgreSQL: who may reach what, where its socket lies, what the operator reads when it cannot run."""

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

from partybuild import access, database
from partybuild.access import GROUP_OBJ, MASK, NO_ID, OTHER, USER, USER_OBJ
from partybuild.database import EmbeddedServer, SetupError

SOMEBODY, SOMEBODY_ELSE = 12345, 54321


def test_search_is_given_to_one_user_and_to_nobody_else():
    private = {(USER_OBJ, NO_ID): 7, (GROUP_OBJ, NO_ID): 0, (OTHER, NO_ID): 0}

    result = access.with_search(private, SOMEBODY)

    assert result == {
        (USER_OBJ, NO_ID): 7,
        (USER, SOMEBODY): 1,
        (GROUP_OBJ, NO_ID): 0,
        (MASK, NO_ID): 1,
        (OTHER, NO_ID): 0,
    }


def test_what_a_mask_took_away_does_not_come_back_with_a_wider_mask():
    masked = {
        (USER_OBJ, NO_ID): 7,
        (USER, SOMEBODY_ELSE): 7,
        (GROUP_OBJ, NO_ID): 5,
        (MASK, NO_ID): 4,
        (OTHER, NO_ID): 0,
    }

    result = access.with_search(masked, SOMEBODY)

    assert result[USER, SOMEBODY_ELSE] & result[MASK, NO_ID] == 4
    assert result[GROUP_OBJ, NO_ID] & result[MASK, NO_ID] == 4
    assert result[USER, SOMEBODY] & result[MASK, NO_ID] == 1


def test_an_access_list_survives_the_kernel_form():
    entries = {(USER_OBJ, NO_ID): 7, (USER, SOMEBODY): 1, (GROUP_OBJ, NO_ID): 0, (MASK, NO_ID): 1, (OTHER, NO_ID): 0}

    packed = access.pack(entries)

    assert access.unpack(packed) == entries
    assert struct.unpack_from("<I", packed) == (access.VERSION,)


@pytest.fixture
def private_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    try:
        os.getxattr(folder, access.ATTRIBUTE)
    except OSError as error:
        if error.errno != errno.ENODATA:
            pytest.skip("no access lists on this file system")
    return folder


def test_a_private_folder_stays_closed_to_others(private_folder: Path):
    access.let_pass(private_folder / "clone", SOMEBODY)

    assert stat.S_IMODE(private_folder.stat().st_mode) & stat.S_IRWXO == 0
    entries = access.unpack(os.getxattr(private_folder, access.ATTRIBUTE))
    assert {key: bits for key, bits in entries.items() if key[0] == USER} == {(USER, SOMEBODY): access.SEARCH}


def test_an_open_folder_is_left_as_it_is(private_folder: Path):
    private_folder.chmod(0o711)

    access.let_pass(private_folder / "clone", SOMEBODY)

    assert access.ATTRIBUTE not in os.listxattr(private_folder)


def test_the_socket_lies_in_the_data_folder_while_its_path_is_short():
    assert EmbeddedServer(Path("/srv/x/.data")).socket_folder() == Path("/srv/x/.data/postgres")


@pytest.mark.parametrize("home", [Path("/srv") / ("x" * 100) / ".data", Path("/srv/a,b/.data")])
def test_the_socket_moves_where_its_path_would_be_too_long_or_cannot_be_written(home: Path):
    folder = EmbeddedServer(home).socket_folder()

    assert len(str(folder / database.SOCKET_NAME)) < database.SOCKET_PATH_MAX
    assert "," not in str(folder)
    assert folder != EmbeddedServer(home / "other").socket_folder()


def test_a_socket_folder_that_somebody_else_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = EmbeddedServer(tmp_path)
    planted = tmp_path / "planted"
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    monkeypatch.setattr(server, "socket_folder", lambda: planted)

    with pytest.raises(SetupError, match="not a private folder"):
        server.make_socket_folder()


def test_data_of_another_version_are_refused_in_one_line(tmp_path: Path):
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")

    with pytest.raises(SetupError, match=r"was made by PostgreSQL 14, and this is PostgreSQL 18") as caught:
        EmbeddedServer(tmp_path).check_data()

    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_database_is_refused(tmp_path: Path):
    (tmp_path / "postgres").mkdir()

    with pytest.raises(SetupError, match="not a PostgreSQL data folder"):
        EmbeddedServer(tmp_path).check_data()


def test_a_server_that_does_not_answer_is_named_in_one_line():
    with pytest.raises(SetupError, match="does not answer") as caught:
        database.check("postgresql://nobody@/nowhere?host=%2Fnonexistent")

    assert "\n" not in str(caught.value)
