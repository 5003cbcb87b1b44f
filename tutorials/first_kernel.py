# %% [markdown]
# # A first kernel
#
# A kernel is a Python function with types. From one kernel come a drawing, its costs, samples, exact values, gradients and a
# circuit for other tools. This tutorial writes one, does all of that with it, and ends in a small experiment: how much faster
# does the phase of several entangled qubits turn than that of one?
#
# Run it with no arguments. It takes a few seconds.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qkernel as qk
import qkernel.observable as qko

FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Write it
#
# `ghz` brings n qubits into a superposition of all zeros and all ones. Three things to notice:
#
# * The arguments and the result have types. `n` is a whole number that need not be known yet; the loop stays a loop.
# * A gate takes qubits and gives them back: `q[0] = qk.h(q[0])`. A qubit cannot be copied, so that the old value is gone.
# * What the function returns says what you get: here a bit for each qubit.


# %%
@qk.qkernel
def ghz(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    q[0] = qk.h(q[0])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.measure(q)


# %% [markdown]
# ## Look at it
#
# Nothing has run so far, and nothing needs a size: the drawing shows the loop, and the costs are formulas in n.

# %%
print(ghz.draw(output="text"))
estimate = ghz.estimate_resources()
print("qubits:", estimate.qubits, "| gates:", estimate.gates.total)
print("at n = 1000:", estimate.substitute(n=1000).gates.total, "gates")

# %% [markdown]
# ## Run it
#
# `sample` draws shots, the same ones again under the same seed. The bits of a tuple stand in the order of the register: element
# 0 first.

# %%
result = ghz.sample(n=4, shots=1000, seed=1)
print(result)

# %% [markdown]
# ## A number instead of bits
#
# A kernel that returns an expectation value is a function of its arguments. This one turns every qubit of the state by a phase
# and then asks whether the qubits, each looked at along X, agree: the *parity*, +1 if an even number of them points the other
# way and -1 if an odd number does. `ghz_state` is a kernel too, and `all_x` a plain function; kernels call both.


# %%
@qk.qkernel
def ghz_state(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[0] = qk.h(q[0])
    for i in qk.range(q.shape[0] - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return q


def all_x(n: qk.UInt) -> qk.Observable:
    """X on each of n qubits, multiplied."""
    word = qko.X(0)
    for i in qk.range(1, n):
        word = word * qko.X(i)
    return word


@qk.qkernel
def parity(n: qk.UInt, phase: qk.Float) -> qk.Float:
    q = ghz_state(qk.qubit_array(n))
    q = qk.rz(q, phase)
    return qk.expval(q, all_x(n))


print("exactly:", parity.run(n=3, phase=0.2))
estimated = parity.run_with_errors(n=3, phase=0.2, shots=2000, seed=1)
print(f"from {estimated.shots} shots: {estimated.value:.3f} +- {estimated.standard_error:.3f}")
assert np.isclose(parity.run(n=3, phase=0.2), np.cos(3 * 0.2))

# %% [markdown]
# Values are exact unless you ask for shots, and so are derivatives. An array of phases is a batch: one call, one array.

# %%
print("slope:", parity.grad(n=3, phase=0.2)["phase"], "=", -3 * np.sin(3 * 0.2))
print("a batch:", parity.run(n=3, phase=np.array([0.0, 0.1, 0.2])))

# %% [markdown]
# ## Take it elsewhere
#
# The same kernel is OpenQASM, or a circuit of Qiskit, or runs on Qiskit's simulator by `engine="qiskit"`.

# %%
print(ghz.to_qasm(n=3))

# %% [markdown]
# ## The experiment
#
# One qubit that turns by a phase shows it as a wave, cos(phase). n entangled qubits show cos(n * phase): the wave is n times as
# steep, which is why such states are of use as sensors. For a fair comparison here is a *classical* register too, whose qubits
# agree just as well, all 0 or all 1, but by the toss of a coin: `project_z` measures the first qubit before the others are tied
# to it. Bit by bit it cannot be told from the entangled one, and it has no wave at all.


# %%
@qk.qkernel
def coin_parity(n: qk.UInt, phase: qk.Float) -> qk.Float:
    q = qk.qubit_array(n)
    q[0] = qk.h(q[0])
    q[0], _ = qk.project_z(q[0])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    q = qk.rz(q, phase)
    return qk.expval(q, all_x(n))


SIZES = (1, 2, 4)
phases = np.linspace(-np.pi, np.pi, 201)
few = phases[::10]
waves = {n: parity.run(n=n, phase=phases) for n in SIZES}
shots = {n: parity.run_with_errors(n=n, phase=few, shots=200, seed=n) for n in SIZES}
coin = coin_parity.run(n=4, phase=phases)
for n in SIZES:
    assert np.allclose(waves[n], np.cos(n * phases))
    print(f"{n} qubit{'s' * (n > 1)}: the steepest slope is {np.abs(np.gradient(waves[n], phases)).max():.2f}")
assert np.allclose(coin, 0)
print("4 qubits that agree by a coin: the parity is always 0")

# %% [markdown]
# ## What came out

# %%
fig, (bars, curves) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained", width_ratios=(0.8, 2))
words = ["".join(map(str, value)) for value, _ in result]
bars.bar(words, [count / result.shots for _, count in result], color="C7", width=0.5)
bars.axhline(0.5, color="black", lw=0.8, ls="--")
bars.set(title="Four qubits, 1000 shots", ylabel="Frequency", xlabel="Measured bits", ylim=(0, 1))
for color, n in zip(("C0", "C2", "C3"), SIZES, strict=True):
    curves.plot(phases, waves[n], color=color, lw=1.3, label=f"{n} qubit{'s' * (n > 1)}, exact")
    curves.errorbar(few, shots[n].value, shots[n].standard_error, fmt="o", ms=3.5, lw=1, color=color)
curves.plot(phases, coin, color="black", lw=1, ls="--", label="4 qubits, agreed by a coin")
curves.set(title="The parity turns n times as fast (dots: 200 shots)", xlabel="Phase of each qubit (radians)", ylabel="Parity")
curves.set_xticks(np.pi * np.arange(-1, 1.5, 0.5), ["-π", "-π/2", "0", "π/2", "π"])
curves.set(ylim=(-1.3, 1.75), yticks=[-1, 0, 1])
curves.legend(ncols=2, fontsize=9, loc="upper center")
fig.savefig(FIGURES / "first_kernel.png", dpi=150)
print(f"Figure: {FIGURES / 'first_kernel.png'}")

# %% [markdown]
# ## Things to try
#
# * Leave out one of the `q[0] =`, and read what you are told.
# * Give `SIZES` larger numbers. How many qubits does your machine stand?
# * Prepare the entangled state by a tree of CNOTs instead of a chain, and compare `estimate_resources().depth`.
