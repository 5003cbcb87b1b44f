"""Modules in files, in the text form. What reads it is loaded with the first text."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from qkernel.diagnostics import Span
from qkernel.errors import TextFormError, of_file
from qkernel.ir.module import Module
from qkernel.ir.verifier import verify
from qkernel.ir.vocabulary import MAX_TEXT_SIZE


def save(module: Module, path: str | os.PathLike[str]) -> None:
    """Write `module` to `path`, as `write_whole` does.

    Raises `TextFormError` if `load` would not read it back, which an expression beyond the limits of the text form does.
    """
    write_whole(path, text_of(module))


def text_of(module: Module) -> str:
    """The text form, which `parsed` reads; raises `TextFormError` if it would not."""
    verify(module)
    text = str(module) + "\n"
    parsed(text)
    return text


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, which holds either what it held before or all of `content`, whatever happens.

    What is there and no file, such as `/dev/stdout`, is written to and stays what it is. Raises `DataError` where that fails.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with of_file(path, "written"):
        _write_whole(Path(os.path.realpath(path)), data)


def _write_whole(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Module:
    """Read the module in the file at `path`.

    Raises `TextFormError`, with the place in the file, if it holds anything else, and `DataError` if it cannot be read.
    """
    name = os.fspath(path)
    with of_file(path, "read"), open(path, "rb") as file:
        data = file.read(4 * MAX_TEXT_SIZE + 1)
    if len(data) > 4 * MAX_TEXT_SIZE:
        raise TextFormError(f"`{name}` is too long: more than {4 * MAX_TEXT_SIZE:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1)
        span = Span(name, line, column, line, column + 1)
        raise TextFormError(f"`{name}` is no text in UTF-8", span=span, label=f"byte {data[error.start]:#04x}") from None
    return parsed(text, name)


def parsed(text: str, name: str | None = None) -> Module:
    """The module that a text holds; `name` is that of its file."""
    from qkernel.ir.parser import parse

    return parse(text, name)
