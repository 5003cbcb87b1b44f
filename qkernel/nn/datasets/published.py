"""Fashion-MNIST and MNIST as numpy arrays, in their published order, checked against their published sums.

Files are looked for in the folder named by the environment variable `QKERNEL_DATA_DIR`, then in the cache
(`QKERNEL_CACHE_DIR`, by default `~/.cache/qkernel`), and are downloaded into the cache at last.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from qkernel.diagnostics import Note, did_you_mean
from qkernel.errors import DataError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Name = Literal["fashion-mnist", "mnist"]
Split = Literal["train", "test"]
T = TypeVar("T")

MAGIC_OF_RANK = {1: 2049, 3: 2051}
LARGEST = 1 << 28  # bytes that are unpacked at most, whatever a header says


@dataclass(frozen=True, slots=True)
class DataFile:
    """A published gzip'd IDX file of unsigned bytes: `rank` axes, and the sha256 of the file as it is published."""

    name: str
    rank: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """Images and labels of each split, and the addresses where the files are published."""

    mirrors: tuple[str, ...]
    files: dict[str, tuple[DataFile, DataFile]]


def _data_set(mirrors: tuple[str, ...], *sums: str) -> DataSet:
    train_images, train_labels, test_images, test_labels = sums
    return DataSet(
        mirrors,
        {
            "train": (
                DataFile("train-images-idx3-ubyte.gz", 3, train_images),
                DataFile("train-labels-idx1-ubyte.gz", 1, train_labels),
            ),
            "test": (
                DataFile("t10k-images-idx3-ubyte.gz", 3, test_images),
                DataFile("t10k-labels-idx1-ubyte.gz", 1, test_labels),
            ),
        },
    )


DATA_SETS = {
    "fashion-mnist": _data_set(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "mnist": _data_set(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}


def load(name: Name, split: Split = "train") -> tuple[Pixels, Pixels]:
    """The images, uint8 of shape (N, 28, 28) with 0 for black, and the labels, uint8 of shape (N,).

    `name` is `fashion-mnist` (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747; 10 classes of clothing, MIT licence) or
    `mnist` (LeCun, Cortes, Burges; handwritten digits). N is 60,000 for `train` and 10,000 for `test`.

    Raises `DataError` for an unknown name or split; for a file that cannot be read, is truncated, not an IDX file or not the
    published one (a bad file is removed from the cache and downloaded again, but never touched in `QKERNEL_DATA_DIR`);
    and where a file is in neither folder and no mirror can be reached.
    """
    data_set = _chosen("data set", name, DATA_SETS, "there is no data set")
    pair = _chosen("split", split, data_set.files, f"the data set `{name}` has no split")
    images, labels = (_load_file(name, data_set.mirrors, file) for file in pair)
    return images, labels


def cache_folder() -> Path:
    """Where downloaded files are kept: `QKERNEL_CACHE_DIR`, by default `~/.cache/qkernel`."""
    try:
        return Path(os.environ.get("QKERNEL_CACHE_DIR") or "~/.cache/qkernel").expanduser()
    except RuntimeError:
        raise DataError(
            "there is no home folder to keep data files in",
            help="name a folder for them in QKERNEL_CACHE_DIR, or the one that holds them in QKERNEL_DATA_DIR",
        ) from None


def _chosen(what: str, name: Any, choices: Mapping[str, T], missing: str) -> T:
    if isinstance(name, str) and name in choices:
        return choices[name]
    listed = "choose one of " + ", ".join(f"`{choice}`" for choice in choices)
    if not isinstance(name, str):
        raise DataError(f"a {what} is named by a string, and this is {name!r}", help=listed)
    raise DataError(f"{missing} `{name}`{did_you_mean(name, list(choices))}", help=listed)


def _load_file(folder: str, mirrors: tuple[str, ...], file: DataFile) -> Pixels:
    searched = []
    if given := os.environ.get("QKERNEL_DATA_DIR"):
        path = _expanded(given) / folder / file.name
        packed = _packed(path)
        if packed is not None:
            return _unpacked(path, packed, file)
        searched.append(Note(f"QKERNEL_DATA_DIR: there is no {path}"))
    else:
        searched.append(Note("QKERNEL_DATA_DIR is not set"))
    cached = cache_folder() / folder / file.name
    packed = _packed(cached)
    if packed is None:
        searched.append(Note(f"the cache: there is no {cached}"))
        return _download(cached, mirrors, file, searched)
    try:
        return _unpacked(cached, packed, file)
    except DataError as error:
        searched.append(Note(f"the cache held a bad file, which {_removed(cached)}: {error.title}"))
    return _download(cached, mirrors, file, searched)


def _expanded(folder: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:  # ~ of a user who has no home
        return Path(folder)


def _removed(path: Path) -> str:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return f"could not be removed ({error.strerror})"
    return "was removed"


def _download(target: Path, mirrors: tuple[str, ...], file: DataFile, searched: list[Note]) -> Pixels:
    try:
        import pooch
    except ImportError:
        searched.append(Note('it cannot be downloaded without the package pooch: `pip install "qkernel[data]"`'))
        mirrors = ()
    for mirror in mirrors:
        try:
            pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", target.name, target.parent)
            return read(target, file)
        except DataError:
            raise
        except OSError as error:
            if error.filename:  # of the cache: no other mirror would help
                searched.append(Note(f"the cache: {target.parent} cannot be written to ({error.strerror})"))
                break
            searched.append(Note(f"{mirror} gave no file ({error.strerror or type(error).__name__})"))
        except ValueError as error:  # the sum of what came
            searched.append(Note(f"{mirror} gave another file: {' '.join(str(error).split())}"))
    raise DataError(
        f"{file.name} is not on this machine and could not be downloaded",
        notes=tuple(searched),
        help=f"put the published file at {target},\nor name the folder that holds {target.parent.name}/ in QKERNEL_DATA_DIR",
    )


def read(path: Path, file: DataFile) -> Pixels:
    """The array in the gzip'd IDX file at `path`, which must be `file`; else a `DataError` that says what was found."""
    packed = _packed(path)
    if packed is None:
        raise DataError(f"there is no {path}")
    return _unpacked(path, packed, file)


def _packed(path: Path) -> bytes | None:
    """The content of a file, None where there is none; raises for a folder, a pipe, and what may not or cannot be read."""
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise DataError(f"{path} is no file", help="a file is wanted, not a folder, a pipe or a device")
            if found.st_size > LARGEST:
                raise _bad(path, "is not the published file", f"at most {LARGEST} bytes", f"{found.st_size}")
            return stream.read(found.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DataError:
        raise
    except (OSError, ValueError) as error:  # the latter: a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}", help="make it a file that can be read, or remove it") from None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; of a pipe nobody would write to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unpacked(path: Path, packed: bytes, file: DataFile) -> Pixels:
    header_size = 4 + 4 * file.rank
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            header = stream.read(header_size)
            magic, *shape = np.frombuffer(header.ljust(header_size, b"\0"), ">u4").tolist()
            body = stream.read(min(math.prod(shape), LARGEST) + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, "is truncated or damaged", "a whole gzip file", f"{len(packed)} bytes ({error})") from None
    if magic != MAGIC_OF_RANK[file.rank]:
        raise _bad(path, "is not the IDX file that it should be", f"magic number {MAGIC_OF_RANK[file.rank]}", str(magic))
    if len(body) != math.prod(shape):
        raise _bad(path, "is truncated", f"{' x '.join(map(str, shape))} bytes", f"{len(body)}")
    if (found := hashlib.sha256(packed).hexdigest()) != file.sha256:
        raise _bad(path, "is not the published file", f"sha256 {file.sha256}", found)
    return np.frombuffer(body, np.uint8).reshape(shape).copy()


def _bad(path: Path, what: str, expected: str, found: str) -> DataError:
    return DataError(
        f"{path} {what}: expected {expected}, found {found}", help="remove the file; it is downloaded again when it is needed"
    )
