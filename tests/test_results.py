"""Counts of what a kernel returns, and jobs."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import qkernel as qk
from qkernel.errors import MemoryRefusedError, ValidationError
from qkernel.execution.jobs import Job, JobStatus
from qkernel.execution.results import SampleResult, Table
from qkernel.peer import ExpvalJob, RunJob, SampleJob

PAIRS = [((0, 1), 6), ((1, 1), 3), ((0, 0), 1)]


@qk.qkernel
def three(theta: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[0] = qk.x(q[0])
    q[1] = qk.ry(q[1], theta)
    return qk.measure(q)


@qk.qkernel
def several() -> tuple[qk.Bit, qk.Vector[qk.Bit], qk.Bit]:
    a, b, c = qk.qubit(), qk.qubit_array(3), qk.qubit()
    a, b[2] = qk.x(a), qk.x(b[2])
    return qk.measure(a), qk.measure(b), qk.measure(c)


@qk.qkernel
def ones() -> qk.UInt:
    bits = qk.measure(qk.h(qk.qubit_array(3)))
    total = 0
    for k in qk.range(3):
        total = total + (1 if bits[k] else 0)
    return total


@qk.qkernel
def half() -> qk.Float:
    return 0.5 if qk.measure(qk.h(qk.qubit())) else -0.25


@qk.qkernel
def mixed() -> tuple[qk.Bit, qk.UInt]:
    bit = qk.measure(qk.x(qk.qubit()))
    return bit, 1 if bit else 0


@qk.qkernel
def nothing(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(n))


def test_counts_and_frequencies() -> None:
    result = SampleResult(PAIRS, 10)
    assert result.most_common(2) == [((0, 1), 6), ((1, 1), 3)]
    assert result.most_common() == result.results
    assert result.most_common(0) == result.most_common(-1) == []
    assert result.probabilities() == [((0, 1), 0.6), ((1, 1), 0.3), ((0, 0), 0.1)]


def test_it_iterates_over_values_and_counts() -> None:
    result = SampleResult(PAIRS, 10)
    assert list(result) == PAIRS
    assert [value for value, count in result if count > 2] == [(0, 1), (1, 1)]
    assert len(result) == 3
    assert result.counts == dict(result) == {(0, 1): 6, (1, 1): 3, (0, 0): 1}
    assert max(result.counts, key=result.counts.__getitem__) == (0, 1)


def test_it_does_not_change() -> None:
    result = SampleResult(list(PAIRS), 10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.shots = 11  # type: ignore[misc]
    result.counts.clear()
    result.most_common().clear()
    assert result == SampleResult(PAIRS, 10)
    assert result != SampleResult(PAIRS, 11)
    assert result != SampleResult(PAIRS[:2], 10)
    assert copy.deepcopy(result) == pickle.loads(pickle.dumps(result)) == result


def test_the_first_bit_is_the_rightmost() -> None:
    result = three.sample(theta=np.pi, shots=10)
    assert result.results == [((1, 1, 0), 10)]
    assert result.bitstrings() == {"011": 10}
    assert result.vector().tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert several.sample(shots=10).results == [((1, (0, 0, 1), 0), 10)]
    assert several.sample(shots=10).bitstrings() == {"01001": 10}
    assert several.sample(shots=10).vector()[0b01001] == 1


def test_strings_are_those_of_qiskit() -> None:
    from qiskit.primitives import StatevectorSampler

    circuit = three.to_circuit(theta=1.0)
    (measured,) = StatevectorSampler(seed=5).run([circuit], shots=400).result()
    ours = three.sample(theta=1.0, shots=400, seed=5).bitstrings()
    assert set(ours) == set(measured.join_data().get_counts()) == {"001", "011"}


def test_strings_and_vector_tell_the_same() -> None:
    result = three.sample(theta=1.0, shots=1000, seed=3)
    frequencies = result.vector()
    assert frequencies.shape == (8,)
    assert frequencies.dtype == np.float64
    assert frequencies.sum() == pytest.approx(1)
    assert {text: round(1000 * frequencies[int(text, 2)]) for text in result.bitstrings()} == result.bitstrings()
    assert np.count_nonzero(frequencies) == len(result)
    assert result.vector(3).tolist() == frequencies.tolist()
    assert result.vector(5).tolist() == [*frequencies.tolist(), *[0.0] * 24]


def test_a_single_bit() -> None:
    result = SampleResult([(1, 7), (0, 3)], 10)
    assert result.bitstrings() == {"1": 7, "0": 3}
    assert result.vector().tolist() == [0.3, 0.7]


def test_no_bits() -> None:
    result = nothing.sample(n=0, shots=10)
    assert result.bitstrings() == {"": 10}
    assert result.vector().tolist() == [1.0]


def test_whole_numbers_are_their_own_index() -> None:
    result = ones.sample(shots=4000, seed=1)
    assert result.vector().shape == (4,)
    assert result.vector() == pytest.approx(np.array([1, 3, 3, 1]) / 8, abs=0.05)
    assert result.vector(4)[4:].tolist() == [0] * 12


@pytest.mark.parametrize(("kernel", "value"), [(ones, r"\d"), (half, "0.5|-0.25"), (mixed, r"\(1, 1\)")])
def test_strings_are_of_bits_alone(kernel: Any, value: str) -> None:
    """Even where the numbers that came out might be bits."""
    with pytest.raises(ValidationError, match=rf"`bitstrings` is for results of bits, and ({value}) came out"):
        kernel.sample(shots=5, seed=2).bitstrings()


@pytest.mark.parametrize("kernel", [half, mixed])
def test_a_vector_is_of_bits_or_whole_numbers(kernel: Any) -> None:
    with pytest.raises(ValidationError, match="`vector` is for results of bits"):
        kernel.sample(shots=5, seed=2).vector()


@pytest.mark.parametrize("size", [2, 0, -1, 3.0, "3", True])
def test_a_vector_that_is_too_short_or_no_number(size: Any) -> None:
    with pytest.raises(ValidationError, match="the values take 3 bits"):
        three.sample(theta=0.0, shots=5).vector(size)


def test_a_vector_that_is_too_long() -> None:
    wide = SampleResult([((0,) * 40, 3), ((1,) * 40, 1)], 4)
    assert wide.bitstrings() == {"0" * 40: 3, "1" * 40: 1}
    with pytest.raises(MemoryRefusedError, match=r"2\*\*40"):
        wide.vector()
    with pytest.raises(MemoryRefusedError, match=r"2\*\*29"):
        three.sample(theta=0.0, shots=5).vector(29)


def test_a_batch_is_a_list() -> None:
    results = three.sample(theta=[0.0, np.pi], shots=5)
    assert [result.bitstrings() for result in results] == [{"001": 5}, {"011": 5}]


def test_it_reads_as_a_table() -> None:
    result = SampleResult(PAIRS, 10)
    assert str(result).splitlines() == [
        "10 shots, 3 different values",
        "(0, 1)  6  60.0%",
        "(1, 1)  3  30.0%",
        "(0, 0)  1  10.0%",
    ]
    assert repr(result) == "<10 shots, 3 different values: (0, 1): 6, (1, 1): 3, (0, 0): 1>"
    assert str(SampleResult([(0.5, 1)], 1)).splitlines() == ["1 shot, 1 value", "0.5  1  100.0%"]
    assert result._repr_html_().count("<tr>") == 1 + len(result)


def test_a_long_table_is_cut() -> None:
    many = SampleResult([(number, 1) for number in range(1000)], 1000)
    assert len(str(many).splitlines()) < 30
    assert str(many).splitlines()[-1] == f"… and {1000 - many._repr_html_().count('<td>0.1%</td>')} more"
    assert len(repr(many)) < 100


def test_jobs_hand_out_their_result() -> None:
    for kind in (SampleJob, RunJob, ExpvalJob):
        job = kind(0.5)
        assert isinstance(job, Job)
        assert job.result() == 0.5
        assert job.status() is JobStatus.COMPLETED


def test_t2_t12_the_mean_of_what_was_measured() -> None:
    assert SampleResult([(1, 57), (0, 43)], 100).mean() == pytest.approx(0.57)
    assert SampleResult([(-0.5, 1), (2, 3)], 4).mean() == pytest.approx(1.375)
    np.testing.assert_allclose(SampleResult([((0, 1), 30), ((1, 1), 10)], 40).mean(), [0.25, 1.0])
    np.testing.assert_allclose(SampleResult([(((0, 1), 1), 4)], 4).mean(), [0, 1, 1])


@qk.qkernel
def structured(n: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.UInt]:
    bits = qk.measure(qk.h(qk.qubit_array(n)))
    number = 0
    if bits[0]:
        number = 5
    return bits[1:], number


@qk.qkernel
def register(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(n)))


def wide() -> SampleResult[Any]:
    generator = np.random.default_rng(1)
    rows = generator.integers(0, 2, (9, 70))[generator.integers(0, 9, 400)]
    return SampleResult(
        Table.of(rows, np.ones(400, int), lambda places: list(map(tuple, rows[places].tolist())), True), 400, True
    )


SAMPLED = {
    "numbers": lambda: structured.sample(n=3, shots=400, seed=4),
    "bits": lambda: register.sample(n=4, shots=400, seed=4),
    "wide": wide,
}


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_in_arrays_say_what_their_list_says(name: str) -> None:
    sampled = SAMPLED[name]
    as_list = SampleResult(sorted(sampled().results, key=lambda item: (-item[1], item[0])), 400, sampled().of_bits)
    assert sampled() == as_list
    assert sampled().results == as_list.results
    assert sum(sampled().counts.values()) == 400
    assert len(sampled().counts) == len(sampled()) == len(as_list)
    assert sampled().most_common(3) == as_list.most_common(3)
    assert str(sampled()) == str(as_list)
    assert repr(sampled()) == repr(as_list)
    assert pickle.loads(pickle.dumps(sampled())) == as_list
    np.testing.assert_array_equal(sampled().mean(), as_list.mean())
    if sampled().of_bits:
        assert sampled().bitstrings() == as_list.bitstrings()
    if name == "bits":
        np.testing.assert_array_equal(sampled().vector(5), as_list.vector(5))
