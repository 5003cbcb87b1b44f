"""The kernels of a file: Python, which is run as at an import, text form, or OpenQASM."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from qkernel.diagnostics import Span, did_you_mean
from qkernel.errors import DataError, ProgramError, QKernelError, of_file
from qkernel.kernel import Kernel
from qkernel.prebuilt import from_qasm, load

AnyKernel = Kernel[..., Any]
_TEXTS: dict[str, Callable[[Path], AnyKernel]] = {".qk": load, ".qasm": from_qasm}
SUFFIXES = ("py", *(suffix[1:] for suffix in _TEXTS))


def kernel_of(target: str) -> AnyKernel:
    """The kernel that `FILE:KERNEL` names, or the only one that is written in `FILE`.

    Raises `ProgramError` where there is no such file or kernel, where the file fails, and for one of several.
    """
    path, name = _split(target)
    if path.parent.is_dir() and not path.exists():
        files = [file.name for file in path.parent.iterdir() if file.suffix[1:] in SUFFIXES]
        raise DataError(f"`{path}` cannot be read: No such file or directory{did_you_mean(path.name, files)}")
    known = _known_in(path)
    if name in known:
        return known[name]
    written = _written_in(path, known)
    if name is not None:
        raise ProgramError(f"`{path}` has no kernel `{name}`{did_you_mean(name, list(known))}", help=_those(written))
    if len(written) != 1:
        help = f"say which: `{path}:NAME`; {_those(written)}" if written else None
        raise ProgramError(f"`{path}` has {len(written) or 'no'} kernels", help=help)
    return next(iter(written.values()))


def kernels_of(path: Path) -> list[AnyKernel]:
    """The kernels that are written in a file."""
    return list(_written_in(path, _known_in(path)).values())


def _known_in(path: Path) -> dict[str, AnyKernel]:
    """The kernels that have a name in a file, those that it imports and makes too."""
    if path.suffix in _TEXTS:
        kernel = _TEXTS[path.suffix](path)
        return {kernel.name: kernel}
    return {name: value for name, value in vars(_run(path)).items() if isinstance(value, Kernel)}


def _written_in(path: Path, known: dict[str, AnyKernel]) -> dict[str, AnyKernel]:
    """Those that are written there, each by its first name."""
    names = {id(kernel): name for name, kernel in reversed(known.items())}
    return {name: kernel for name, kernel in known.items() if name == names[id(kernel)] and _is_written_in(kernel, path)}


def _split(target: str) -> tuple[Path, str | None]:
    file, colon, name = target.rpartition(":")
    if colon and not Path(target).exists() and (name.isidentifier() or Path(file).is_file()):
        return Path(file), name
    return Path(target), None


def _those(kernels: dict[str, AnyKernel]) -> str:
    return f"its kernels are {', '.join(f'`{name}`' for name in kernels)}" if kernels else "it has no kernels at its top level"


def _is_written_in(kernel: AnyKernel, path: Path) -> bool:
    function = getattr(kernel, "function", None)
    return function is None or Path(function.__code__.co_filename) == path.resolve()


def _run(path: Path) -> ModuleType:
    """The module that a Python file is, with its folder first among those that modules are looked for in."""
    file = path.resolve()
    with of_file(path, "read"):
        file.open("rb").close()
    name, folder = _place(file)
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ProgramError(f"`{path}` is neither Python (.py) nor a kernel in text form (.qk) nor OpenQASM (.qasm)")
    module = sys.modules[name] = module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except QKernelError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(path, file, error) from error
    return module


def _place(file: Path) -> tuple[str, Path]:
    """The name of the module that a file is, with the packages around it, and the folder in which that name is found.

    A name that another module has already, such as that of one of Python's own, gets a `_`.
    """
    name, folder = file.stem, file.parent
    while (folder / "__init__.py").exists():
        name, folder = f"{folder.name}.{name}", folder.parent
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    return name, folder


def _failed(path: Path, file: Path, error: BaseException) -> ProgramError:
    """Where in the file it went wrong, and how."""
    what = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    if isinstance(error, SyntaxError) and error.filename == str(file) and error.lineno:
        start = (error.offset or 1) - 1
        end = error.end_offset - 1 if error.end_offset and error.end_lineno == error.lineno else start + 1
        span = Span(str(file), error.lineno, start, error.lineno, max(end, start + 1))
    else:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = own[-1].lineno if own and own[-1].lineno else 1
        text = linecache.getline(str(file), line)
        span = Span(str(file), line, len(text) - len(text.lstrip()), line, len(text.rstrip()))
    return ProgramError(f"`{path}` fails", span=span, label=what)
