"""Loading the published data sets: where files are looked for, and what is said of bad ones."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from qkernel import data
from qkernel.errors import DataError


def idx(array: np.ndarray, magic: int | None = None) -> bytes:
    """`array` as a gzip'd IDX file of unsigned bytes."""
    code = magic if magic is not None else 0x800 + array.ndim
    header = np.array([code, *array.shape], ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


IMAGES = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251
LABELS = np.array([7, 0, 9])


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """A data folder with a tiny published set in it, and an empty cache; no mirror answers."""
    given, cache = tmp_path / "given", tmp_path / "cache"
    files = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        pair = []
        for kind, array in (("images", IMAGES), ("labels", LABELS)):
            content = idx(array)
            name = f"{prefix}-{kind}-idx{array.ndim}-ubyte.gz"
            path = given / "fashion-mnist" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            pair.append(data.DataFile(name, array.ndim, hashlib.sha256(content).hexdigest()))
        files[split] = tuple(pair)
    mirror = (tmp_path / "mirror").as_uri() + "/"  # pooch refuses the scheme as it would refuse a dead host
    monkeypatch.setitem(data.DATA_SETS, "fashion-mnist", data.DataSet((mirror,), files))
    monkeypatch.setenv("QKERNEL_DATA_DIR", str(given))
    monkeypatch.setenv("QKERNEL_CACHE_DIR", str(cache))
    return given / "fashion-mnist", cache / "fashion-mnist"


def test_load_reads_the_given_folder_and_leaves_the_cache_alone(folders: tuple[Path, Path]) -> None:
    images, labels = data.load("fashion-mnist", "train")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert images.dtype == labels.dtype == np.uint8
    assert images.flags.writeable
    assert not folders[1].exists()


def test_load_falls_back_to_the_cache(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, cache = folders
    cache.parent.mkdir()
    given.rename(cache)
    for setting in (str(given.parent), ""):
        monkeypatch.setenv("QKERNEL_DATA_DIR", setting)
        images, _ = data.load("fashion-mnist", "test")
        np.testing.assert_array_equal(images, IMAGES)


def test_load_downloads_into_the_cache_once(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    given, cache = folders
    monkeypatch.setenv("QKERNEL_DATA_DIR", "")
    asked = []

    def retrieve(url: str, known_hash: str, fname: str, path: Path) -> str:
        asked.append((url.rsplit("/", 1)[1], known_hash))
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes((given / fname).read_bytes())
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    for _ in range(2):
        images, labels = data.load("fashion-mnist")
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)
    expected = data.DATA_SETS["fashion-mnist"].files["train"]
    assert asked == [(file.name, f"sha256:{file.sha256}") for file in expected]
    assert sorted(path.name for path in cache.iterdir()) == sorted(file.name for file in expected)


WHOLE = idx(IMAGES)
DAMAGED = {
    "cut": (WHOLE[: len(WHOLE) // 2], "truncated or damaged", "a whole gzip file", f"{len(WHOLE) // 2} bytes"),
    "empty": (b"", "magic number 2051", "magic number 2051", "found 0"),
    "no gzip": (b"<html>not found</html>", "truncated or damaged", "a whole gzip file", "22 bytes"),
    "labels for images": (idx(LABELS), "not the IDX file", "magic number 2051", "found 2049"),
    "too few pixels": (
        gzip.compress(np.array([2051, 3, 28, 28], ">u4").tobytes() + bytes(100)),
        "is truncated",
        "3 x 28 x 28 bytes",
        "found 100",
    ),
    "a header that claims 2**96 bytes": (
        gzip.compress(np.array([2051] + 3 * [2**32 - 1], ">u4").tobytes() + bytes(50)),
        "is truncated",
        "4294967295 x 4294967295",
        "found 50",
    ),
    "another array": (idx(IMAGES[::-1]), "not the published file", "sha256 ", hashlib.sha256(idx(IMAGES[::-1])).hexdigest()),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_bad_file_is_named_with_what_was_expected_and_found(case: str, folders: tuple[Path, Path]) -> None:
    content, what, expected, found = DAMAGED[case]
    path = folders[0] / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    message = str(caught.value)
    assert message.startswith("[QK701]")
    for part in (str(path), what, expected, found):
        assert part in message
    assert path.read_bytes() == content, "a file of the user's was touched"


@pytest.mark.parametrize("case", DAMAGED)
def test_a_bad_file_never_stays_in_the_cache(case: str, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QKERNEL_DATA_DIR", "")
    path = folders[1] / "train-images-idx3-ubyte.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(DAMAGED[case][0])
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    assert not path.exists()
    assert "the cache held a bad file, which was removed" in str(caught.value)
    assert DAMAGED[case][2] in str(caught.value)


def test_a_bad_download_never_stays_in_the_cache(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.setenv("QKERNEL_DATA_DIR", "")

    def download(url: str, output_file: str, pooch: object) -> None:
        Path(output_file).write_bytes(b"a captive portal")

    monkeypatch.setattr("pooch.core.choose_downloader", lambda url, progressbar=False: download)
    pooch.get_logger().setLevel("ERROR")
    with pytest.raises(DataError, match="does not match"):
        data.load("fashion-mnist")
    assert not any(path.is_file() for path in folders[1].rglob("*"))


def test_nothing_anywhere_says_where_it_was_looked_for(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, cache = folders
    (given / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    message = str(caught.value)
    for part in (
        f"no {given / 'train-labels-idx1-ubyte.gz'}",
        f"no {cache / 'train-labels-idx1-ubyte.gz'}",
        "mirror/ gave another file",
    ):
        assert part in message
    assert isinstance(caught.value, OSError)


def test_unknown_names_are_corrected() -> None:
    with pytest.raises(DataError, match=r"did you mean `fashion-mnist`"):
        data.load("fashion_mnist")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"no split `validation`"):
        data.load("mnist", "validation")  # type: ignore[arg-type]


@pytest.mark.skipif(not os.environ.get("QKERNEL_DATA_DIR"), reason="QKERNEL_DATA_DIR does not name the published files")
@pytest.mark.parametrize(
    ("name", "split", "count", "mean", "first"),
    [
        ("fashion-mnist", "train", 60000, 0.2860, [9, 0, 0, 3, 0]),
        ("fashion-mnist", "test", 10000, 0.2868, [9, 2, 1, 1, 6]),
        ("mnist", "train", 60000, 0.1307, [5, 0, 4, 1, 9]),
        ("mnist", "test", 10000, 0.1325, [7, 2, 1, 0, 4]),
    ],
)
def test_the_published_sets(name: data.Name, split: data.Split, count: int, mean: float, first: list[int]) -> None:
    images, labels = data.load(name, split)
    assert images.shape == (count, 28, 28)
    assert labels.shape == (count,)
    assert abs(images.mean() / 255 - mean) < 1e-4
    assert labels[:5].tolist() == first
    assert np.bincount(labels).shape == (10,)
