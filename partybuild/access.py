"""Let one user of the machine reach a file in folders that are closed to others, and open nothing to anybody else.

Needed when root runs the embedded PostgreSQL: the server has to be another user, who cannot enter a clone in root's
home. Python has no calls for access lists (POSIX ACLs), but the kernel takes them as an extended attribute.
"""

import errno
import os
import stat
import struct
import sys
from pathlib import Path

ATTRIBUTE = "system.posix_acl_access"
VERSION = 2
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NO_ID = 0xFFFFFFFF
SEARCH = 1  # x on a folder: pass through it, without seeing what is in it

Entries = dict[tuple[int, int], int]  # (tag, id) -> permission bits


def let_pass(path: Path, uid: int) -> None:
    """Let the user `uid` pass through every folder above `path`."""
    for folder in path.parents:
        status = folder.stat()
        if status.st_mode & stat.S_IXOTH or status.st_uid == uid:
            continue
        try:
            entries = _read(folder, status.st_mode)
            if entries.get((USER, uid), 0) & entries.get((MASK, NO_ID), 7) & SEARCH:
                continue
            os.setxattr(folder, ATTRIBUTE, pack(with_search(entries, uid)))
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOSYS):
                raise
            sys.stderr.write(
                f"partybuild: no access lists here: {folder} is now open to all users for passing through\n"
            )
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let everybody read and run what is in `folder`, if it was installed for its owner only (a strict umask)."""
    if folder.stat().st_mode & stat.S_IXOTH:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(stat.S_IMODE(wanted))


def with_search(entries: Entries, uid: int) -> Entries:
    """Return `entries` with SEARCH for one user, and nobody else's effective rights changed."""
    old_mask = entries.get((MASK, NO_ID), 7)
    # A wider mask must not give back what the old one took away.
    result = {key: bits & old_mask if key[0] in (USER, GROUP_OBJ, GROUP) else bits for key, bits in entries.items()}
    result[USER, uid] = result.get((USER, uid), 0) | SEARCH
    result[MASK, NO_ID] = 0
    for (tag, _), bits in list(result.items()):
        if tag in (USER, GROUP_OBJ, GROUP):
            result[MASK, NO_ID] |= bits
    return result


def pack(entries: Entries) -> bytes:
    """Return the kernel's form of an access list: a version, then tag, bits and id of each entry, in order."""
    return struct.pack("<I", VERSION) + b"".join(struct.pack("<HHI", t, b, i) for (t, i), b in sorted(entries.items()))


def unpack(value: bytes) -> Entries:
    """Return the entries of an access list in the kernel's form."""
    return {(tag, id_): bits for tag, bits, id_ in struct.iter_unpack("<HHI", value[4:])}


def _read(folder: Path, mode: int) -> Entries:
    try:
        return unpack(os.getxattr(folder, ATTRIBUTE))
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return {(USER_OBJ, NO_ID): mode >> 6 & 7, (GROUP_OBJ, NO_ID): mode >> 3 & 7, (OTHER, NO_ID): mode & 7}
