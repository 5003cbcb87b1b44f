"""The machine code between processes: loaded without its compiler, made anew where it is damaged."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from qkernel_backends.native import cache
from qkernel_backends.native.private_files import only_one, write_private

SINGLE = np.dtype(np.float32)
FIRST_USE = """
import sys
import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.examples.networks import hybrid_ansatz
run = hybrid_ansatz.compile({"n_qubits": 4, "n_layers": 2, "hamiltonian": qko.Z(0)}, ["inputs", "weights"])
run.value_and_grad(inputs=[0.1] * 4, weights=[0.2] * 24)
print(sorted(sys.modules.keys() & {"numba", "scipy", "torch", "lark", "rich"}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, with a compiler that takes no time: it hands out what is compiled already."""
    cache.machine_code(SINGLE)
    header = cache._header(SINGLE)
    compiled = cache._read(file_in(cache.cache_folder(), header), header)
    calls = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("qkernel_backends.native.compiler.compile_machine", lambda real, name: calls.append(real) or compiled)
    cache.cache_folder.cache_clear()
    yield tmp_path / "qkernel", calls
    cache.cache_folder.cache_clear()


def file_in(place, header) -> Path:
    return place / f"machine-float32-{hashlib.sha256(header).hexdigest()[:16]}.bin"


def load() -> object:
    return cache.machine_code.__wrapped__(SINGLE)


def test_a_first_use_loads_no_compiler():
    done = subprocess.run([sys.executable, "-c", FIRST_USE], check=True, capture_output=True, text=True, timeout=300)
    assert done.stdout == "[]\n"


def test_what_was_compiled_is_kept_and_says_so(folder, capsys):
    place, calls = folder
    load()
    assert "compiling the native engine, once for this machine" in capsys.readouterr().err
    load()
    assert len(calls) == 1
    assert not capsys.readouterr().err
    assert sorted(file.suffix for file in place.iterdir()) == [".bin", ".lock"], "and nothing else is left there"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def _link(file):
    file.rename(file.with_suffix(".elsewhere"))
    file.symlink_to(file.with_suffix(".elsewhere"))


def _pipe(file):
    file.unlink()
    os.mkfifo(file)


def _of_another_precision(file):
    header = cache._header(np.dtype(np.float64))
    rest = header + file.read_bytes()[cache._DIGEST_SIZE :].partition(b"\n")[1] + b"f\n"
    file.write_bytes(hashlib.sha256(rest).digest() + rest)


NOT_USED = {
    "it is damaged": [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes()[:5000] + b"?" + file.read_bytes()[5001:]),
    ],
    "it is a link": [_link],
    "it is not a regular file": [_pipe],
    "other users may write to it": [lambda file: file.chmod(0o660), lambda file: file.chmod(0o606)],
    "it has more than": [lambda file: os.truncate(file, cache._LARGEST + 1)],
    "it was made of other sources, or for another precision, processor or version": [_of_another_precision],
}


@pytest.mark.parametrize(("reason", "change"), [(reason, change) for reason, found in NOT_USED.items() for change in found])
def test_a_file_that_is_not_as_it_was_written_is_replaced(folder, capsys, reason, change):
    place, calls = folder
    load()
    (file,) = place.glob("*.bin")
    change(file)
    capsys.readouterr()
    load()
    assert f"{file} is not used: {reason}" in capsys.readouterr().err
    load()
    assert len(calls) == 2
    assert not capsys.readouterr().err


def test_what_belongs_to_another_user_is_not_used(folder, capsys, monkeypatch):
    place, calls = folder
    load()
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    load()
    (file,) = place.glob("*.bin")
    assert f"{file} is not used: it belongs to another user" in capsys.readouterr().err
    assert len(calls) == 2
    cache.cache_folder.cache_clear()
    load()
    assert "not kept in the user's cache folder: it belongs to another user" in capsys.readouterr().err


def test_a_folder_that_others_may_read_is_closed_and_used(folder, capsys):
    place, calls = folder
    place.mkdir(mode=0o755)
    load()
    load()
    assert len(calls) == 1
    assert "not kept" not in capsys.readouterr().err
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def _writable(place):
    place.mkdir()
    place.chmod(0o777)


def _a_link(place):
    (place.parent / "elsewhere").mkdir()
    place.symlink_to(place.parent / "elsewhere")


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        ("other users may write to it", _writable),
        ("it is a link", _a_link),
        ("it is not a folder", lambda place: place.write_text("")),
    ],
)
def test_a_folder_that_is_not_the_users_own_gives_way_to_a_temporary_one(folder, capsys, reason, make):
    place, calls = folder
    make(place)
    load()
    assert f"machine code is not kept in the user's cache folder: {reason}" in capsys.readouterr().err
    (temporary,) = (place.parent / "temporary").iterdir()
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    assert len(list(temporary.glob("*.bin"))) == 1
    load()
    assert len(calls) == 1, "which is kept for the next process"


def test_where_there_is_no_folder_nothing_is_kept(folder, capsys):
    place, calls = folder
    place.write_text("a file is in the way")
    (place.parent / "temporary" / f"qkernel-{os.geteuid()}").write_text("and here, too")
    load()
    load()
    assert len(calls) == 2
    assert re.search(r"compiled in \d+ s, not kept\n", capsys.readouterr().err)


def test_a_full_disk_leaves_nothing_behind(folder, capsys, monkeypatch):
    place, calls = folder
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        load()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "not kept: " in capsys.readouterr().err
    assert not [file for file in place.iterdir() if file.stat().st_size]
    load()
    assert len(calls) == 2


def test_no_home_and_no_name_are_no_hindrance(folder, capsys, monkeypatch):
    place, _ = folder
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    load()
    assert "not kept in the user's cache folder: Could not determine home directory" in capsys.readouterr().err
    assert len(list((place.parent / "temporary").iterdir())) == 1


@pytest.fixture
def wheel(folder, tmp_path, monkeypatch):
    """What comes with a wheel, here the machine code of the lowest level."""
    header = cache._header(SINGLE)
    cache.cache_folder()
    load()
    code = cache._read(file_in(cache.cache_folder(), header), header)
    shutil.rmtree(cache.cache_folder())
    cache.cache_folder.cache_clear()
    folder[1].clear()
    monkeypatch.setattr(cache, "_BROUGHT", tmp_path / "built")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setitem(cache.LEVELS, "x86-64-v2", set())
    (tmp_path / "built").mkdir()
    file = tmp_path / "built" / "machine-x86-64-v2-float32.bin"
    file.write_bytes(cache._packed(cache._level_header(SINGLE, "x86-64-v2"), *code))
    return file


def test_what_came_with_the_wheel_is_loaded(wheel, folder, capsys, monkeypatch):
    load()
    assert cache.file_to_come(SINGLE) is None, "nobody compiles anything"
    assert not folder[1]
    assert not capsys.readouterr().err
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    load()
    assert len(folder[1]) == 1, "a processor that the user chose is compiled for"


@pytest.mark.parametrize("reason", ["another processor", "damaged", "other sources", "another level", "another machine"])
def test_what_came_with_the_wheel_and_does_not_fit_is_compiled(wheel, folder, monkeypatch, reason):
    match reason:
        case "another processor":
            monkeypatch.setitem(cache.LEVELS, "x86-64-v2", {"flux-capacitor"})
        case "damaged":
            wheel.write_bytes(wheel.read_bytes()[:-1])
        case "other sources":
            monkeypatch.setattr(cache, "_sources", lambda name: "edited")
        case "another level":
            wheel.rename(wheel.with_name("machine-x86-64-v3-float32.bin"))
        case "another machine":
            monkeypatch.setattr("platform.machine", lambda: "aarch64")
    load()
    assert len(folder[1]) == 1


def test_two_who_need_it_compile_it_once(folder, capsys):
    place, calls = folder
    cache.cache_folder()
    inside, header = threading.Event(), cache._header(SINGLE)
    file = file_in(place, header)
    other = threading.Thread(target=lambda: cache._compiled(SINGLE, file, header, "machine"))
    with only_one(place / "machine-float32.lock", lambda: None) as waited:
        assert not waited
        other.start()
        inside.wait(0.1)
        rest = b"\n".join((header, b"found", b"code"))
        write_private(file, hashlib.sha256(rest).digest() + rest)
    other.join(10)
    assert not calls
    assert "waiting for the native engine" in capsys.readouterr().err


@pytest.mark.parametrize(("machine", "source"), [("machine", "gates"), ("planner", "../plan/fusion")])
def test_an_edit_of_a_source_is_never_answered_with_old_code(tmp_path, monkeypatch, machine, source):
    before, root = cache._header(SINGLE, machine), Path(cache.__file__).parent
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "native" / "cache.py"))
    for name in cache._SOURCES[machine]:
        copy = (tmp_path / "native" / f"{name}.py").resolve()
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(root / f"{name}.py", copy)
    assert cache._header(SINGLE, machine) == before != cache._header(np.dtype(np.float64), machine)
    (tmp_path / "native" / f"{source}.py").write_text("# edited")
    assert cache._header(SINGLE, machine) != before
    monkeypatch.undo()
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert cache._header(SINGLE, machine) != before


def _named(source: str) -> set[str]:
    """What a source imports of the native engine and of planning."""
    folder = Path(cache.__file__).parent
    text, found = (folder / f"{source}.py").read_text(), set()
    for package, module, names in re.findall(r"^from qkernel_backends\.(native|plan)\.?(\w*) import (.+)$", text, re.MULTILINE):
        before = "" if package == "native" else "../plan/"
        found |= {before + name for name in ([module] if module else re.findall(r"\w+", names))}
    return found


@pytest.mark.parametrize("machine", cache._SOURCES)
def test_the_sources_are_all_that_machine_code_is_made_of(machine):
    """The compiler names the planner's too; of those each machine has its own `run`, the compiler and its vectors."""
    found, left = {"compiler"}, [machine, "vectors"]
    while left:
        name = left.pop()
        found.add(name)
        left += sorted(_named(name) - found)
    assert found == set(cache._SOURCES[machine])
