# %% [markdown]
# # Noise and mitigation
#
# Machines are wrong in ways that are known: gates slip, energy leaks, bits are misread. This tutorial writes such a machine
# down in a few lines, computes exactly what it would measure, trains a circuit on it, and then gets most of the lost
# accuracy back, with the error bars that this costs.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer steps and shots.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel import mitigation, noise
from qkernel_backends.native import NativeEngine

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
STEPS = 40 if docs_test_mode else 120
SHOTS = 4_000 if docs_test_mode else 20_000

# %% [markdown]
# ## A machine in five lines
#
# Each line puts a channel behind some gates, or says how bits are misread; `|` adds them up. On a backend with properties, a
# fake one too, `noise.from_backend(backend)` writes all this by itself.

# %%
machine = (
    noise.depolarizing(0.0005, gates=["rx", "ry", "rz"])
    | noise.depolarizing(0.008, gates="cx")
    | noise.amplitude_damping(0.002, gates="cx")
    | noise.crosstalk(0.05, between=(1, 2), gates="cx")
    | noise.readout(0.01, 0.03)
)
print(machine)
noisy, ideal = NativeEngine(noise=machine), NativeEngine()

# %% [markdown]
# ## The problem: the ground state of four spins
#
# H = - sum Z Z - 1.2 sum X on a chain. The classical answer, to compare with, is the lowest eigenvalue of a 16 x 16 matrix. The
# kernel is an ansatz of layers: Z Z rotations, written in the machine's gate `cx`, and X rotations.

# %%
N, FIELD, LAYERS = 4, 1.2, 2


@qk.qkernel
def energy(zz: qk.Vector[qk.Float], x: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(N), np.pi / 2)
    for layer in qk.range(LAYERS):
        for k in qk.range(N - 1):
            q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
            q[k + 1] = qk.rz(q[k + 1], zz[layer])
            q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
        q = qk.rx(q, x[layer])
    bonds = sum((-1.0 * qko.Z(k) * qko.Z(k + 1) for k in range(N - 1)), qko.Hamiltonian())
    return qk.expval(q, sum((-FIELD * qko.X(k) for k in range(N)), bonds))


matrices = {"X": np.array([[0, 1], [1, 0]]), "Z": np.diag([1, -1]), "I": np.eye(2)}


def word(letters: str) -> np.ndarray:
    result = np.eye(1)
    for letter in letters:
        result = np.kron(result, matrices[letter])
    return result


H = -sum(word("I" * k + "ZZ" + "I" * (N - 2 - k)) for k in range(N - 1))
H = H - FIELD * sum(word("I" * k + "X" + "I" * (N - 1 - k)) for k in range(N))
EXACT = np.linalg.eigvalsh(H)[0]
print(f"the ground state has the energy {EXACT:.4f}")

# %% [markdown]
# ## Training on the machine
#
# Values and gradients of a noisy circuit are exact here, by density matrix, up to 12 qubits; so the circuit is trained as on
# any engine. Noise lifts the energy, and moves the best angles a little.


# %%
def train(engine: NativeEngine) -> tuple[dict[str, np.ndarray], list[float]]:
    angles = {"zz": np.full(LAYERS, -0.4), "x": np.full(LAYERS, 0.3)}
    run = energy.compile(parameters=["zz", "x"], engine=engine, lengths={"zz": LAYERS, "x": LAYERS})
    history = []
    for _ in range(STEPS):
        value, slopes = run.value_and_grad(**angles)
        history.append(value)
        angles = {name: angle - 0.03 * slopes[name] for name, angle in angles.items()}
    return angles, history


best, without = train(ideal)
trained, history = train(noisy)
print(f"trained without noise: {without[-1]:.4f}; on the machine: {history[-1]:.4f}")
print(f"the angles from the machine, without noise: {energy.run(**trained):.4f}")

# %% [markdown]
# ## Getting it back
#
# * `folds`: the circuit with each gate G replaced by G G† G has three times the noise, with five of them five times. A curve
#   through these values is read off at none.
# * `twirls`: random Paulis around each `cx`, which together do nothing, turn the crosstalk, a coherent error, into a mixture
#   that the extrapolation understands.
# * `calibration`: how often each qubit is misread, measured once, corrects the bits of all measurements.
#
# Every estimate comes with its standard error: what is corrected is less wrong, and less certain. Extrapolation alone goes too
# far, below the true ground state even: crosstalk is coherent, folds of it add up as amplitudes do, and no decay fits that.
# Twirled, it decays like the rest.

# %%
target = energy.run(**trained)
calibration = mitigation.calibrate(noisy, N, shots=SHOTS, seed=1)
print(calibration)
choices = {
    "as measured": {},
    "bits corrected": {"calibration": calibration},
    "extrapolated": {"calibration": calibration, "folds": (1, 3, 5), "fit": "exponential"},
    "and twirled": {"calibration": calibration, "folds": (1, 3, 5), "fit": "exponential", "twirls": 8},
}
found = {
    name: mitigation.estimate(energy, engine=noisy, shots=SHOTS, seed=2, bindings=trained, **options)
    for name, options in choices.items()
}
print(f"\n{'':<16}energy    off by   standard error     (without noise {target:.4f})")
for name, estimate in found.items():
    print(f"{name:<16}{estimate.value:.4f}  {estimate.value - target:+.4f}   {estimate.standard_error:.4f}")
last = found["and twirled"]
assert abs(last.value - target) < abs(found["as measured"].value - target) / 2

# %% [markdown]
# ## Where the curve comes from
#
# On the left the training; on the right the values at one, three and five times the noise, and the decays through them.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.plot(without, label="without noise")
left.plot(history, label="on the machine")
left.axhline(EXACT, color="black", linestyle=":", label="exact (classical)")
left.set(xlabel="step", ylabel="energy", title="Training")
left.legend()
for name, color in (("extrapolated", "tab:orange"), ("and twirled", "tab:green")):
    estimate = found[name]
    scales = np.array(estimate.metadata["scales"])
    values, errors = (estimate.metadata[key][:, 0, 0] for key in ("values", "standard_errors"))
    right.errorbar(scales, values, errors, fmt="o", color=color, capsize=3)
    right.errorbar([0], [estimate.value], [estimate.standard_error], fmt="s", color=color, capsize=3, label=name)
    rate = np.polyfit(scales, np.log(-values), 1)[0]
    grid = np.linspace(0, 5, 50)
    right.plot(grid, estimate.value * np.exp(rate * grid), color=color, alpha=0.5)
right.axhline(target, color="black", linestyle=":", label="without noise")
right.plot([1], [found["as measured"].value], "x", color="tab:red", label="as measured")
right.set(xlabel="noise, times that of the machine", title="Extrapolation to no noise")
right.legend()
figure.tight_layout()
figure.savefig(FIGURES / "noise_and_mitigation.png", dpi=150)
print(f"figure: {FIGURES / 'noise_and_mitigation.png'}")

# %% [markdown]
# ## What it costs
#
# Nothing comes for free: each way back takes more shots for the same error bar, and more of them the noisier the machine is.
# Extrapolation alone went too far here, for it takes the noise to be one that only scales; twirling makes it such a noise. That
# the corrected energy comes near the exact one does not say that it will on a circuit whose exact energy nobody knows: look at
# the points of the fit, and at how much the ways differ from each other.
