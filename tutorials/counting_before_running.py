# %% [markdown]
# # Counting before running
#
# What does an algorithm cost at a size that no simulator and no machine of today can run? The counts of a kernel are formulas
# in its arguments: found once, without making a circuit, and good for every size. This tutorial counts a Fourier transform,
# compares two ways to write it, and then asks when Grover's search on a machine with error correction would be faster than
# trying all keys on ordinary computers.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: smaller circuits beside the formulas.

# %%
import math
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qkernel as qk

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## A formula instead of a number
#
# The quantum Fourier transform of n qubits. `near` leaves out rotations between qubits that are further apart than that: their
# angles, pi / 2**distance, are so small that the result hardly changes.


# %%
@qk.qkernel
def fourier(q: qk.Vector[qk.Qubit], near: qk.UInt) -> qk.Vector[qk.Qubit]:
    n = q.shape[0]
    for i in qk.range(n - 1, -1, -1):
        q[i] = qk.h(q[i])
        for distance in qk.range(1, min(near, i) + 1):
            q[i - distance], q[i] = qk.cp(q[i - distance], q[i], math.pi / 2**distance)
    return q


@qk.qkernel
def transform(n: qk.UInt, near: qk.UInt) -> qk.Vector[qk.Qubit]:
    return fourier(qk.qubit_array(n), near)


estimate = transform.estimate_resources()
print(estimate)

# %% [markdown]
# Any size is one substitution away. A number that depends on `near` shows what the approximation saves:

# %%
for n, near in ((10, 10), (1000, 1000), (1000, 12), (10**9, 32)):
    at = estimate.substitute(n=n, near=near)
    print(f"n = {n:>10}, near = {near:>4}: {at.gates.total:,} gates")

# %% [markdown]
# ## Is the formula right?
#
# `verify_resources` makes the circuit at a small size and counts it gate by gate, by our compiler and in Qiskit, and raises if
# one number differs.

# %%
for n in range(5):
    transform.verify_resources(n=n, near=3)
print("formula = circuit = Qiskit's circuit, for n = 0 to 4")

# %% [markdown]
# A count by way of the circuit takes longer the larger the circuit is. The formula takes as long for a thousand million qubits
# as for one.

# %%
sizes = (8, 16, 32) if docs_test_mode else (8, 16, 32, 64, 128, 256)
by_circuit, by_formula = [], []
for n in sizes:
    started = time.perf_counter()
    counted = sum(transform.to_circuit(n=n, near=n).count_ops().values())
    by_circuit.append(time.perf_counter() - started)
    started = time.perf_counter()
    total = transform.estimate_resources(bindings={"n": n, "near": n}).gates.total
    by_formula.append(time.perf_counter() - started)
    assert counted == total
print(f"{total:,} gates: {by_circuit[-1]:.2f} s by the circuit, {by_formula[-1]:.4f} s by the formula")

# %% [markdown]
# ## What a machine with error correction has to do
#
# There Clifford gates are cheap and T gates are not, and there are no other rotations: each is put together from T gates to
# the precision that you ask for. `basis="clifford_t"` counts those. The plain transform gets *dearer* with every small angle,
# and the approximate one wins by far.

# %%
in_t_gates = transform.estimate_resources(basis="clifford_t", precision=1e-10)
print("T gates:", in_t_gates.gates.t_gates)
for near in (1000, 12):
    print(f"n = 1000, near = {near:>4}: {in_t_gates.substitute(n=1000, near=near).gates.t_gates:,} T gates")

# %% [markdown]
# ## A search: Grover's algorithm
#
# Among 2**n keys one opens the lock. `flip` multiplies the amplitude of one key by -1: a Z under controls that have the value
# of the key. About pi / 4 * 2**(n / 2) iterations of two flips each make that key all but certain.


# %%
@qk.qkernel
def flip(q: qk.Vector[qk.Qubit], key: qk.UInt) -> qk.Vector[qk.Qubit]:
    n = q.shape[0]
    q[: n - 1], q[n - 1] = qk.control(qk.z, num_controls=n - 1, control_value=key)(q[: n - 1], q[n - 1])
    return q


@qk.qkernel
def search(n: qk.UInt, iterations: qk.UInt, key: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n))
    for _ in qk.range(iterations):
        q = flip(q, key)
        q = qk.x(qk.h(q))
        q = flip(q, 2 ** (n - 1) - 1)
        q = qk.h(qk.x(q))
    return qk.measure(q)


def iterations(n: int) -> int:
    """How often to flip among 2**n keys."""
    return math.floor(math.pi / 4 * math.sqrt(2**n))


print(search.sample(n=8, iterations=iterations(8), key=77, shots=100, seed=1))
print(search.estimate_resources(basis="clifford_t"))

# %% [markdown]
# That is what runs on eight qubits. From here on nothing runs: `physical` turns the counts into a machine of the surface code,
# after Litinski (2019): how many physical qubits, and how long. The assumptions stand in the call.

# %%
bits = np.arange(30, 81, 5)
machines = [
    search.estimate_resources(bindings={"n": n, "iterations": iterations(n), "key": 0}, basis="clifford_t").physical(
        error_rate=1e-4, cycle_time=1e-6, failure=0.01
    )
    for n in bits.tolist()
]
days = np.array([machine.run_time for machine in machines]) / 86400
print(machines[6])

# %% [markdown]
# ## Beside it: trying all keys
#
# One core of today's computers tries, say, a thousand million keys in a second, and finds the right one half way through.
# Many cores share the work, which Grover's algorithm cannot well: k machines make it faster by the root of k only.

# %%
TRIES = 1e9
one_core = 2.0 ** (bits - 1) / TRIES / 86400
many_cores = one_core / 1e4

for name, classical in (("one core", one_core), ("10,000 cores", many_cores)):
    crossing = np.interp(0, np.log(classical / days), bits)
    then = np.exp(np.interp(crossing, bits, np.log(days)))
    print(f"faster than {name} from {crossing:.0f} bits on, where both take {then:,.1f} days")

# %% [markdown]
# ## What came out

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
left.loglog(sizes, by_circuit, "s-", color="C3", label="by making the circuit")
left.loglog(sizes, by_formula, "o-", color="C0", label="by the formula")
left.set(title="Seconds to count a Fourier transform", xlabel="Qubits", ylabel="Seconds")
left.set_xticks(sizes, [str(n) for n in sizes])
left.minorticks_off()
left.legend(fontsize=9)
widths = np.unique(np.geomspace(2, 1000, 40).astype(int))
for color, near, label in (("C3", None, "all rotations"), ("C0", 12, "up to distance 12")):
    totals = [in_t_gates.substitute(n=int(n), near=int(near or n)).gates.t_gates for n in widths]
    middle.loglog(widths, totals, color=color, lw=2, label=label)
middle.set(title="T gates of a Fourier transform", xlabel="Qubits", ylabel="T gates")
middle.legend(fontsize=9)
right.semilogy(bits, one_core, "--", color="C7", lw=2, label="trying keys, one core")
right.semilogy(bits, many_cores, ":", color="C7", lw=2, label="trying keys, 10,000 cores")
needed = [f"{machine.physical_qubits / 1e6:.2g}" for machine in machines]
right.semilogy(bits, days, "o-", color="C0", ms=4, label=f"Grover, {needed[0]} to {needed[-1]} million qubits")
units = {
    "second": 1 / 86400,
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1,
    "year": 365,
    "century": 36525,
    "a million years": 3.65e8,
}
right.set_yticks(list(units.values()), list(units))
right.minorticks_off()
right.grid(axis="y", alpha=0.4)
right.set(title="Finding a key", xlabel="Bits of the key", xlim=(24, 86), ylim=(1e-7, 1e12))
right.legend(fontsize=9, loc="upper left")
fig.savefig(FIGURES / "counting_before_running.png", dpi=150)
print(f"Figure: {FIGURES / 'counting_before_running.png'}")

# %% [markdown]
# ## Is it worth it?
#
# A root of 2**n is a great deal, and each step of it is a million times slower than a classical one: the quantum machine is
# ahead only where both take months or years. And our lock is the easiest that there is; a real test of a key is a circuit of
# thousands of T gates, each time, which moves the crossing further. Such sums are why it pays to count before one runs.
#
# ## Things to try
#
# * `error_rate=1e-3`, or `model="beverland"`: what changes, the qubits or the time?
# * Put a Toffoli network of your own in the place of `flip`, and see where the lines cross then.
# * `estimate.plot("n", range(2, 100), fields=("total", "depth"))` draws such a plot by itself.
