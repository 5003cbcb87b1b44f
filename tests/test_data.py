"""Loading the published data sets: where files are looked for, and what is said of bad ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from qkernel.errors import DataError
from qkernel.nn.datasets import published as data


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


def test_h20_load_falls_back_to_the_cache(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, cache = folders
    cache.parent.mkdir()
    given.rename(cache)
    for setting in (str(given.parent), ""):
        monkeypatch.setenv("QKERNEL_DATA_DIR", setting)
        images, _ = data.load("fashion-mnist", "test")
        np.testing.assert_array_equal(images, IMAGES)


def test_h20_load_downloads_into_the_cache_once(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    "name", [None, 3, 0.5, True, b"mnist", ["mnist"], ("mnist", "train"), {}, Path("mnist"), object], ids=repr
)
def test_names_are_strings(name: object) -> None:
    with pytest.raises(DataError, match="a data set is named by a string") as caught:
        data.load(name)  # type: ignore[arg-type]
    assert "choose one of `fashion-mnist`, `mnist`" in str(caught.value)
    with pytest.raises(DataError, match="a split is named by a string") as caught:
        data.load("mnist", name)  # type: ignore[arg-type]
    assert "choose one of `train`, `test`" in str(caught.value)


@pytest.mark.parametrize("name", ["", "MNIST", "mnist ", "../mnist", "mnist\0", "x" * 10_000])
def test_strings_that_name_no_set(name: str) -> None:
    with pytest.raises(DataError, match="there is no data set"):
        data.load(name)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no split"):
        data.load("mnist", name)  # type: ignore[arg-type]


def in_place_of_a_file(kind: str, path: Path) -> None:
    """Put something at `path` that is no file."""
    match kind:
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a link to itself":
            path.symlink_to(path)
        case "a device":
            path.symlink_to("/dev/zero")


REASONS = {
    "a folder": "cannot be read: Is a directory",
    "a pipe": "is no file",
    "a link to itself": "cannot be read: Too many levels",
    "a device": "is no file",
}


@pytest.mark.parametrize("where", ["given", "cache"])
@pytest.mark.parametrize("kind", REASONS)
def test_what_is_no_file_is_named_and_left_alone(
    kind: str, where: str, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, cache = folders
    if where == "cache":
        cache.parent.mkdir()
        given.rename(cache)
    path = (given if where == "given" else cache) / "train-labels-idx1-ubyte.gz"
    path.unlink()
    in_place_of_a_file(kind, path)
    before = os.lstat(path)
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    assert f"{path} {REASONS[kind]}" in str(caught.value)
    assert os.lstat(path) == before
    assert where == "cache" or not cache.exists()


def test_a_file_that_may_not_be_read_is_named(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(data, "_without_waiting", refuse)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be read: Permission denied"):
        data.load("fashion-mnist")
    assert not folders[1].exists()


def test_a_file_that_fails_while_it_is_read_is_named(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, flags: int) -> int:
        return os.open(path, os.O_WRONLY)  # reading from it is an error of the system

    monkeypatch.setattr(data, "_without_waiting", fail)
    with pytest.raises(DataError, match="cannot be read: Bad file descriptor"):
        data.load("fashion-mnist")


def test_a_huge_file_is_not_read(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = folders[0] / "train-images-idx3-ubyte.gz"
    os.truncate(path, 1 << 40)  # of holes
    with pytest.raises(DataError, match=f"expected at most {data.LARGEST} bytes, found {1 << 40}"):
        data.load("fashion-mnist")


def test_a_bomb_is_unpacked_no_further_than_its_header_says(folders: tuple[Path, Path]) -> None:
    bomb = gzip.compress(np.array([2051, 3, 28, 28], ">u4").tobytes() + bytes(1 << 26))
    (folders[0] / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DataError, match=f"expected 3 x 28 x 28 bytes, found {3 * 28 * 28 + 1}"):
        data.load("fashion-mnist")
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 97))
def test_every_cut_of_a_file_is_found(cut: int, folders: tuple[Path, Path]) -> None:
    (folders[0] / "train-images-idx3-ubyte.gz").write_bytes(WHOLE[:cut])
    with pytest.raises(DataError):
        data.load("fashion-mnist")


@pytest.mark.parametrize("seed", range(50))
def test_every_flipped_bit_is_found(seed: int, folders: tuple[Path, Path]) -> None:
    damaged = bytearray(WHOLE)
    generator = np.random.default_rng(seed)
    damaged[generator.integers(len(WHOLE))] ^= 1 << int(generator.integers(8))
    (folders[0] / "train-images-idx3-ubyte.gz").write_bytes(damaged)
    with pytest.raises(DataError):
        data.load("fashion-mnist")


@pytest.mark.parametrize("setting", ["/dev/null", "no/such/folder", "nul\0", "x" * 300, "~nobody-of-this-name/data", "."])
def test_a_folder_that_is_none_is_said_not_to_have_the_file(
    setting: str, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.os, "environ", {**os.environ, "QKERNEL_DATA_DIR": setting})  # the system takes no nul
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    assert "there is no" in str(caught.value) or "cannot be read" in str(caught.value)


def test_folders_may_begin_with_the_home(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, _ = folders
    monkeypatch.setenv("HOME", str(given.parent.parent))
    monkeypatch.setenv("QKERNEL_DATA_DIR", f"~/{given.parent.name}")
    assert data.load("fashion-mnist")[0].shape == IMAGES.shape
    monkeypatch.setenv("QKERNEL_CACHE_DIR", "~/kept")
    assert data.cache_folder() == given.parent.parent / "kept"


def test_no_home_at_all(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert data.load("fashion-mnist")[0].shape == IMAGES.shape
    monkeypatch.setenv("QKERNEL_DATA_DIR", "")
    with pytest.raises(DataError, match="there is no home folder") as caught:
        data.load("fashion-mnist")
    assert "QKERNEL_CACHE_DIR" in str(caught.value)


def test_a_cache_that_cannot_be_written_to_is_said_to_be_so(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cache = folders
    cache.parent.write_text("a file where the cache would be")
    monkeypatch.setenv("QKERNEL_DATA_DIR", "")
    with pytest.raises(DataError) as caught:
        data.load("fashion-mnist")
    assert f"the cache: {cache} cannot be written to (" in str(caught.value)
    assert cache.parent.read_text() == "a file where the cache would be"


def test_a_download_that_breaks_off_leaves_nothing(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.setenv("QKERNEL_DATA_DIR", "")
    pooch.get_logger().setLevel("ERROR")
    for ending in (OSError(28, "No space left on device"), ConnectionError(), KeyboardInterrupt()):

        def download(url: str, output_file: str, pooch: object, ending: BaseException = ending) -> None:
            Path(output_file).write_bytes(WHOLE[:100])
            raise ending

        monkeypatch.setattr("pooch.core.choose_downloader", lambda url, progressbar=False, download=download: download)
        with pytest.raises(KeyboardInterrupt if isinstance(ending, KeyboardInterrupt) else DataError) as caught:
            data.load("fashion-mnist")
        assert not any(path.is_file() for path in folders[1].rglob("*"))
        if getattr(ending, "strerror", None):
            assert "No space left on device" in str(caught.value)


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
