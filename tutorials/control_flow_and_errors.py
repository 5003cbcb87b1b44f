# %% [markdown]
# # Control flow, and what mistakes look like
#
# Loops, branches and measurements in the middle of a circuit are written as in Python. The rules that go with qubits, which
# cannot be copied, are checked before anything runs, and what breaks one is shown in your own source with what to write
# instead. This tutorial sends a qubit by teleportation, builds a gate out of attempts that may fail, and makes some mistakes
# on purpose.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer shots.

# %%
import math
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QKernelError

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
SHOTS = 500 if docs_test_mode else 20_000

# %% [markdown]
# ## Three kinds of decisions
#
# When something is decided depends on what it hangs on:
#
# | it hangs on | example | decided |
# |---|---|---|
# | a value of Python's | `if docs_test_mode:` | while the kernel is read |
# | an argument | `for i in qk.range(n):`, `if n > 2:` | when the circuit is made |
# | a measured bit | `if bit:`, `while bit:` | in the run itself |
#
# You write them alike. The text form of a kernel shows what is still open:


# %%
@qk.qkernel
def decisions(n: qk.UInt, angle: qk.Float) -> qk.Bit:
    q = qk.ry(qk.qubit(), angle)
    for i in qk.range(n):
        if i % 2 == 0:
            q = qk.rx(q, angle / (i + 1))
    q, bit = qk.project_z(q)
    if bit:
        q = qk.h(q)
    return qk.measure(q)


print(decisions.ir)

# %% [markdown]
# ## A branch on a measured bit: teleportation
#
# Two people share a pair of entangled qubits. One of them measures the message together with her half, and sends two bits; the
# other corrects his half by them, and has the message. `theta` and `phi` say where on the sphere the message points.


# %%
@qk.qkernel
def teleported(theta: qk.Float, phi: qk.Float, corrected: qk.Bit) -> qk.Vector[qk.Float]:
    message = qk.rz(qk.ry(qk.qubit("message"), theta), phi)
    here, there = qk.cx(qk.h(qk.qubit("here")), qk.qubit("there"))
    message, here = qk.cx(message, here)
    message = qk.h(message)
    if qk.measure(here) & corrected:
        there = qk.x(there)
    if qk.measure(message) & corrected:
        there = qk.z(there)
    return qk.expval(there, [qko.X(0), qko.Y(0), qko.Z(0)])


print(teleported.draw(output="text", corrected=True))

# %% [markdown]
# The three expectation values are the direction in which the received qubit points. They are exact: both outcomes of both
# measurements are followed, with their probabilities, and nothing is drawn.

# %%
theta, phi = 1.1, 0.7
sent = np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])
received = teleported.run(theta=theta, phi=phi, corrected=True)
print("sent:    ", sent.round(6))
print("received:", received.round(6))
print("without the two bits:", teleported.run(theta=theta, phi=phi, corrected=False).round(6))
assert np.allclose(received, sent)

# %% [markdown]
# What can be done with bits and no entangled pair? Measure the message, send the bit, prepare what was found. Averaged over all
# messages the received qubit then passes a test for the message with probability 2/3, its *fidelity*, and nothing classical
# does better (Massar and Popescu 1995, Phys. Rev. Lett. 74, 1259).


# %%
@qk.qkernel
def prepared_again(theta: qk.Float, phi: qk.Float) -> qk.Vector[qk.Float]:
    found = qk.measure(qk.rz(qk.ry(qk.qubit(), theta), phi))
    q = qk.qubit()
    if found:
        q = qk.x(q)
    return qk.expval(q, [qko.X(0), qko.Y(0), qko.Z(0)])


thetas = np.linspace(0, math.pi, 181)
directions = np.stack([np.sin(thetas), 0 * thetas, np.cos(thetas)], axis=1)


def fidelity(bloch: np.ndarray) -> np.ndarray:
    """The probability to pass a test for the message, for each of its angles."""
    return (1 + np.sum(bloch * directions, axis=1)) / 2


def mean(fidelities: np.ndarray) -> float:
    """Over the whole sphere, on which an angle theta has the weight sin(theta) / 2."""
    return float(np.trapezoid(fidelities * np.sin(thetas) / 2, thetas))


no_phi = np.zeros_like(thetas)
by_name = {
    "teleported": fidelity(teleported.run(theta=thetas, phi=no_phi, corrected=True)),
    "measured, and prepared again": fidelity(prepared_again.run(theta=thetas, phi=no_phi)),
    "teleported, the bits not used": fidelity(teleported.run(theta=thetas, phi=no_phi, corrected=False)),
}
for name, fidelities in by_name.items():
    print(f"mean fidelity, {name}: {mean(fidelities):.3f}")

# %% [markdown]
# ## A loop on a measured bit: repeat until success
#
# Some gates can only be built so that they succeed now and then, and say so. This loop measures a qubit until 0 comes out, and
# counts its attempts, in a whole number that the circuit itself holds. Each attempt fails with probability sin(angle / 2)**2,
# so that their number follows the geometric law.


# %%
@qk.qkernel
def attempts(angle: qk.Float) -> qk.UInt:
    count = 1
    q, failed = qk.project_z(qk.ry(qk.qubit(), angle))
    while failed:
        q, failed = qk.project_z(qk.ry(qk.reset(q), angle))
        count = count + 1
    return count


angle = 2 * math.asin(math.sqrt(0.6))
result = attempts.sample(angle=angle, shots=SHOTS, seed=3)
counts = result.counts
print(f"mean number of attempts: {sum(k * count for k, count in counts.items()) / SHOTS:.3f}, expected {1 / 0.4:.3f}")

# %% [markdown]
# No finite number of branches covers such a loop. An exact value of it is refused, by name:


# %%
@qk.qkernel
def last(angle: qk.Float) -> qk.Float:
    q, failed = qk.project_z(qk.ry(qk.qubit(), angle))
    while failed:
        q, failed = qk.project_z(qk.ry(q, angle))
    return qk.expval(q, qko.X(0))


try:
    last.run(angle=0.3)
except QKernelError as error:
    print(error)

# %% [markdown]
# ## Mistakes
#
# Six that everybody makes. In a program the error ends it, as any error of Python's does; here we print it and go on.
# `check()` reads a kernel and runs nothing.

# %%
mistakes = []


def show(kernel: qk.Kernel, **values: object) -> None:
    """What somebody sees who runs this kernel."""
    try:
        kernel.sample(**values, shots=1) if values else kernel.check()
    except QKernelError as error:
        mistakes.append(error)
        print(f"{type(error).__name__}: {error}\n")


# %% [markdown]
# A gate whose result is thrown away. In many libraries gates act on what they are given; here they return it.


# %%
@qk.qkernel
def thrown_away() -> qk.Bit:
    q = qk.qubit()
    qk.h(q)
    return qk.measure(q)


show(thrown_away)

# %% [markdown]
# A qubit that is taken out of its register and not given back.


# %%
@qk.qkernel
def still_out() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    first = qk.h(q[0])
    first = qk.s(first)
    return qk.measure(q)


show(still_out)

# %% [markdown]
# A qubit that a kernel is given and loses: whoever called it would never see it again.


# %%
@qk.qkernel
def lost(a: qk.Qubit, b: qk.Qubit) -> qk.Qubit:
    a, b = qk.cx(a, b)
    return a


show(lost)

# %% [markdown]
# One qubit twice in a gate. Which qubits an index means is known when n has a value, and the message has that value.


# %%
@qk.qkernel
def twice(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i], q[n // 2] = qk.cx(q[i], q[n // 2])
    return qk.measure(q)


show(twice, n=4)

# %% [markdown]
# Something of Python's that a circuit cannot do: a loop over symbols has no `break`.


# %%
@qk.qkernel
def broken_off(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(n):
        q = qk.h(q)
        if i == 3:
            break
    return qk.measure(q)


show(broken_off)

# %% [markdown]
# A value for an argument that there is not.

# %%
show(decisions, n=3, angel=0.1)

assert len(mistakes) == 6

# %% [markdown]
# ## What came out

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained", width_ratios=(1.3, 1))
for (name, fidelities), style in zip(by_name.items(), ("-", "--", ":"), strict=True):
    left.plot(thetas, fidelities, style, lw=2, label=f"{name}: mean {mean(fidelities):.2f}")
left.set(title="How much of the message arrives", xlabel="Angle of the message from the Z axis (radians)", ylabel="Fidelity")
left.set_xticks(np.pi * np.arange(0, 1.25, 0.25), ["0", "π/4", "π/2", "3π/4", "π"])
left.set_ylim(0, 1.05)
left.legend(loc="lower left", fontsize=9)
most = 12
right.bar(range(1, most + 1), [counts.get(k, 0) / SHOTS for k in range(1, most + 1)], color="C0", label=f"{SHOTS:,} runs")
right.plot(
    range(1, most + 1), [0.4 * 0.6 ** (k - 1) for k in range(1, most + 1)], "o-", color="C1", label=r"$0.4 \cdot 0.6^{k-1}$"
)
right.set(title="Repeat until success", xlabel="Attempts k", ylabel="Frequency", xticks=range(1, most + 1))
right.legend()
fig.savefig(FIGURES / "control_flow_and_errors.png", dpi=150)
print(f"Figure: {FIGURES / 'control_flow_and_errors.png'}")

# %% [markdown]
# ## Things to try
#
# * Teleport half of an entangled pair instead of a message, and read out the product of two Paulis.
# * Write `while` around a gate that needs an ancilla, and look at the drawing.
# * Make a mistake that is not shown here; all that have a code are in `docs/errors.md`.
