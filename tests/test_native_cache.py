"""The machine code between processes: loaded without its compiler, made anew where it is damaged."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from qkernel_backends.native import cache

SINGLE = np.dtype(np.float32)
FIRST_USE = """
import sys
import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.examples import hybrid_ansatz
run = hybrid_ansatz.compile({"n_qubits": 4, "n_layers": 2, "hamiltonian": qko.Z(0)}, ["inputs", "weights"])
run.value_and_grad(inputs=[0.1] * 4, weights=[0.2] * 24)
print(sorted(sys.modules.keys() & {"numba", "scipy", "torch", "lark", "rich"}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, with a compiler that takes no time: it copies what is compiled already."""
    cache.machine_code(SINGLE)
    kept = next(cache.cache_folder().glob(f"machine-float32-{cache._stamp()}.bin"))
    compiled = cache._read(kept)
    calls = []
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("qkernel_backends.native.compiler.compile_machine", lambda real: calls.append(real) or compiled)
    return tmp_path / "cache", calls


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
    assert [file.suffix for file in place.iterdir()] == [".bin"], "and nothing else is left there"


@pytest.mark.parametrize("damage", [lambda code: b"", lambda code: code[:-1], lambda code: code[:5000] + b"?" + code[5001:]])
def test_a_damaged_file_is_replaced(folder, damage):
    place, calls = folder
    load()
    (file,) = place.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    load()
    load()
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_costs_the_time_again_and_no_more(folder, capsys):
    place, calls = folder
    place.write_text("a file is in the way")
    load()
    load()
    assert len(calls) == 2
    assert "not kept: " in capsys.readouterr().err


def test_an_edit_of_a_source_is_never_answered_with_old_code(tmp_path, monkeypatch):
    before = cache._stamp()
    for source in cache._SOURCES:
        shutil.copy(f"{cache.__file__[: -len('cache.py')]}{source}.py", tmp_path)
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    assert cache._stamp() == before
    (tmp_path / "gates.py").write_text("# edited")
    assert cache._stamp() != before
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert cache._stamp() != before
