# %% [markdown]
# # A sweep on a cluster
#
# How does the ground state of a magnet change when a field across it grows? For each field a circuit is trained; what is
# trained is then looked at from all sides, in a sweep of many thousand circuits. Both are split over the workers of a
# cluster, here two processes on this machine. One of them is killed in the middle, and nothing is missing in the end.
#
# Needs `pip install "qkernel[cluster]"`. Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short.

# %%
import os
import signal
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster

import qkernel as qk
import qkernel.observable as qko
from qkernel_backends.dask import ClusterEngine

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
N, LAYERS = 6, 3
FIELDS = np.linspace(0.1, 2.0, 5 if docs_test_mode else 20)
SIDE = 16 if docs_test_mode else 64

# %% [markdown]
# ## The magnet and its circuit
#
# Spins on a ring, each drawn to its neighbours with strength 1 and turned by a field g. The ansatz goes back and forth
# between the two terms. The energy is returned in two parts, so that one compiled kernel serves every field.

# %%
RING = [(i, (i + 1) % N) for i in range(N)]
BONDS = sum((-1.0 * qko.Z(i) * qko.Z(j) for i, j in RING), qko.Hamiltonian(N))
FIELD = sum((-1.0 * qko.X(i) for i in range(N)), qko.Hamiltonian(N))


@qk.qkernel
def energy(field: qk.Float, gammas: qk.Vector[qk.Float], betas: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.h(qk.qubit_array(N))
    for layer in qk.range(LAYERS):
        for i, j in RING:
            q[i], q[j] = qk.rzz(q[i], q[j], gammas[layer])
        q = qk.rx(q, betas[layer])
    parts = qk.expval(q, [BONDS, FIELD])
    return parts[0] + field * parts[1]


program = energy.compile(lengths={"gammas": LAYERS, "betas": LAYERS})
exact = {float(g): float(np.linalg.eigvalsh((BONDS + float(g) * FIELD).to_numpy())[0]) for g in FIELDS}

# %% [markdown]
# ## A cluster of this machine
#
# On a cluster of many machines there is an address instead: `Client("tcp://scheduler:8786")`. The rest is the same.

# %%
cluster = SubprocessCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
client = Client(cluster)

# %% [markdown]
# ## Training, once for each field and seed
#
# Trainings know nothing of each other: that is dask's own `map`, of a function that has the compiled kernel in it.

# %%
STEPS, SEEDS = (40, 2) if docs_test_mode else (150, 4)


def trained(field: float, seed: int) -> tuple[float, dict[str, np.ndarray]]:
    """The lowest energy that Adam finds from one start, and the angles."""
    random = np.random.default_rng(seed)
    angles = np.concatenate([random.uniform(-0.8, 0, LAYERS), random.uniform(-0.8, 0, LAYERS)])
    mean, square = np.zeros(2 * LAYERS), np.zeros(2 * LAYERS)
    for step in range(1, STEPS + 1):
        slopes = program.grad(field, angles[:LAYERS], angles[LAYERS:], wrt=["gammas", "betas"])
        slope = np.concatenate([slopes["gammas"], slopes["betas"]])
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        angles = angles - 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
    found = {"gammas": angles[:LAYERS], "betas": angles[LAYERS:]}
    return float(program.run(field, **found)), found


pairs = [(float(g), seed) for g in FIELDS for seed in range(SEEDS)]
results = client.gather(client.map(trained, *zip(*pairs, strict=True)))
best = {}
for (g, _), result in zip(pairs, results, strict=True):
    best[g] = min(best.get(g, result), result, key=lambda each: each[0])
errors = [(best[g][0] - exact[g]) / abs(exact[g]) for g in exact]
print(f"{len(pairs)} trainings; the best of each field is above the lowest energy by {max(errors):.1%} at most")
assert min(errors) > -1e-9
assert max(errors) < (0.2 if docs_test_mode else 0.03)

# %% [markdown]
# ## The landscape, in one call
#
# At the middle field, all pairs of two angles, and the gradient at each point: one batch of thousands of samples, which
# the engine on the cluster splits into tasks of 64. While it runs, one of the two workers is killed.

# %%
middle = float(FIELDS[len(FIELDS) // 2])
center = best[middle][1]
offsets = np.linspace(-np.pi / 2, np.pi / 2, SIDE)
first, second = (axis.ravel() for axis in np.meshgrid(offsets, offsets, indexing="ij"))
gammas = np.tile(center["gammas"], (SIDE**2, 1))
betas = np.tile(center["betas"], (SIDE**2, 1))
gammas[:, 0] += first
betas[:, 0] += second
sweep = {"field": middle, "gammas": gammas, "betas": betas}

engine = ClusterEngine("native", client, rows=64)
workers = sorted(client.run(os.getpid).values())


def kill_one() -> None:
    time.sleep(0.02)
    os.kill(workers[0], signal.SIGKILL)


killer = threading.Thread(target=kill_one)
killer.start()
heights, slopes = program.value_and_grad(**sweep, wrt=["gammas", "betas"], engine=engine)
killer.join()
here, slopes_here = program.value_and_grad(**sweep, wrt=["gammas", "betas"])
print(
    f"{SIDE**2} energies and gradients; the largest difference from those of one process is {np.abs(heights - here).max():.0e}"
)
assert np.allclose(heights, here, atol=1e-12)
assert all(np.allclose(slopes[name], slopes_here[name], atol=1e-12) for name in slopes)

# %% [markdown]
# ## The same with shots
#
# A seed decides about every shot, whoever draws it: the workers that are left give the samples that two would have given.

# %%
few = {name: value if name == "field" else value[:: SIDE**2 // 32] for name, value in sweep.items()}
sampled = [program.run_with_errors(**few, shots=400, seed=7, engine=ClusterEngine("native", client, rows=8)) for _ in range(2)]
assert np.array_equal(sampled[0].value, sampled[1].value)
spread = (sampled[0].value - program.run(**few)) / sampled[0].standard_error
print(f"{len(spread)} estimates, off by {np.sqrt(np.mean(spread**2)):.2f} standard errors in the mean square")
assert 0.5 < np.sqrt(np.mean(spread**2)) < 1.5

client.close()
cluster.close()

# %% [markdown]
# ## What came out

# %%
fig, (left, middle_axes, right) = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
left.plot(FIELDS, list(exact.values()), color="black", lw=1, label="lowest energy, by diagonalising")
left.scatter(
    *zip(*((g, result[0]) for (g, _), result in zip(pairs, results, strict=True)), strict=True), s=12, color="C0", alpha=0.4
)
left.scatter(FIELDS, [best[float(g)][0] for g in FIELDS], s=26, color="C3", label=f"best of {SEEDS} trainings", zorder=3)
left.set(title="Energies", xlabel="Field g", ylabel="Energy")
left.legend(fontsize=9)
image = middle_axes.imshow(
    heights.reshape(SIDE, SIDE).T, origin="lower", extent=(offsets[0], offsets[-1], offsets[0], offsets[-1]), cmap="viridis"
)
every = max(1, SIDE // 12)
grid = (slice(None, None, every), slice(None, None, every))
arrows = [-slopes[name][:, 0].reshape(SIDE, SIDE)[grid] for name in ("gammas", "betas")]
middle_axes.quiver(
    *(axis.reshape(SIDE, SIDE)[grid] for axis in (first, second)), *arrows, color="white", alpha=0.8, width=0.004
)
middle_axes.plot(0, 0, "o", color="C3")
middle_axes.set(
    title=f"Around the best angles, g = {middle:.2f}", xlabel="First γ, shifted (rad)", ylabel="First β, shifted (rad)"
)
fig.colorbar(image, ax=middle_axes, label="Energy")
order = np.argsort(program.run(**few))
right.errorbar(
    program.run(**few)[order], sampled[0].value[order], 3 * sampled[0].standard_error[order], fmt="o", ms=4, capsize=2,
    label="400 shots a basis, 3 standard errors",
)  # fmt: skip
ends = [float(np.min(program.run(**few))), float(np.max(program.run(**few)))]
right.plot(ends, ends, color="black", lw=1, label="exact")
right.set(title="The landscape by shots", xlabel="Exact energy", ylabel="Estimate")
right.legend(fontsize=9)
fig.savefig(FIGURES / "sweep_on_a_cluster.png", dpi=150)
print(f"Figure: {FIGURES / 'sweep_on_a_cluster.png'}")

# %% [markdown]
# ## What to take from it
#
# A cluster is an engine: the calls are those of one process, and so are the values. What is lost with a worker is done
# again by the others. At six qubits one process is faster than any cluster, and diagonalising faster than both;
# `docs/scaling.md` has the arithmetic of when that turns.
#
# ## Things to try
#
# * A larger ring: at how many qubits do two workers beat one process on your machine?
# * `ClusterEngine("qiskit", client, rows=4)`, and shots from Aer.
# * `energy.submit(..., engine=engine)`: the sweep as a job, with `job.cancel()`.
