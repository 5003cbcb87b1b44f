"""Files that nobody but this user can have written: what is loaded from them is run."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # where there are no such locks
    fcntl = None  # type: ignore[assignment]


class NotPrivateError(Exception):
    """A file or a folder is not what only this user can have made. The message says why."""


def private_folder(folder: Path) -> Path:
    """The folder, made if there is none; others may neither write nor read there.

    Raises `NotPrivateError` for one that is another user's, a link, or open to others' writing, `OSError` where there can
    be none.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    number = _opened(folder, getattr(os, "O_DIRECTORY", 0))
    try:
        about = os.fstat(number)
        _require_own(about)
        if os.name == "posix" and stat.S_IMODE(about.st_mode) != 0o700:
            os.fchmod(number, 0o700)
    finally:
        os.close(number)
    return folder


def read_private(file: Path, most: int) -> bytes:
    """What a regular file holds, at most so many bytes. Raises `NotPrivateError`, and `OSError` if there is none."""
    with os.fdopen(_opened(file, getattr(os, "O_NONBLOCK", 0)), "rb") as opened:  # or a pipe would have us wait
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise NotPrivateError("it is not a regular file")
        _require_own(about)
        if about.st_size > most:
            raise NotPrivateError(f"it has more than {most} bytes")
        return opened.read(most)


def write_private(file: Path, content: bytes) -> None:
    """Write a file all at once or not at all; nothing is left behind where that fails."""
    number, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(number, "wb") as written:
            written.write(content)
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


@contextmanager
def only_one(file: Path | None, wait: Callable[[], None]) -> Iterator[bool]:
    """Let one process in at a time: calls `wait` where another one is in, and gives whether that was so.

    Everybody comes in where there can be no lock.
    """
    number, waited = None, False
    if file is not None and fcntl is not None:
        with suppress(OSError):
            number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if number is not None:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = True
                wait()
                fcntl.flock(number, fcntl.LOCK_EX)
        yield waited
    finally:
        if number is not None:
            os.close(number)


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK) and (path.is_symlink() or path.exists()):
            raise NotPrivateError("it is a link" if path.is_symlink() else "it is not a folder") from error
        raise


def _require_own(about: os.stat_result) -> None:
    if os.name != "posix":
        return
    if about.st_uid != os.geteuid():
        raise NotPrivateError("it belongs to another user")
    if stat.S_IMODE(about.st_mode) & 0o022:
        raise NotPrivateError("other users may write to it")
