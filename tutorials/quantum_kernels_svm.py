# %% [markdown]
# # Quantum kernels and support vector machines
#
# A support vector machine needs to know of two samples only how alike they are. A *quantum kernel* says: as alike as the states
# into which a circuit encodes them, k(x, y) = |<phi(x)|phi(y)>|^2 (Havlicek et al. 2019, Nature 567, 209). Nothing of the
# circuit is trained; the fit is classical, convex and ends in the best solution that there is.
#
# This tutorial builds such kernels, and tries them on two sets of points in the plane: one that is made for them, and one that
# is not.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer points.

# %%
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import unitary_group
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import fidelity_kernel, projected_kernel
from qkernel_stdlib import zz_feature_map

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
N_TRAIN, N_TEST = (40, 100) if docs_test_mode else (100, 500)

# %% [markdown]
# ## A feature map
#
# Two coordinates on two qubits: `zz_feature_map` turns each qubit by its coordinate and both together by a product, twice. Any
# kernel that takes a register and a vector will do; `fidelity_kernel` makes of it a function of samples.

# %%
print(zz_feature_map.draw(output="text", q=2, fold_loops=False, width=110))
fidelity = fidelity_kernel(zz_feature_map)
few = np.array([[0.1, 0.2], [0.1, 0.3], [2.0, 1.0]])
print("how alike three points are:")
print(fidelity(few).round(3))

# %% [markdown]
# For N samples that takes N states and one product of matrices, and not one circuit for each of N (N - 1) / 2 pairs:

# %%
rng = np.random.default_rng(0)
many = rng.uniform(0, 2 * np.pi, (200 if docs_test_mode else 1000, 2))
started = time.perf_counter()
gram = fidelity(many)
print(f"{len(many)} x {len(many)} overlaps in {time.perf_counter() - started:.2f} s")
assert np.allclose(np.diag(gram), 1)
assert np.linalg.eigvalsh(gram)[0] > -1e-9  # as a kernel has to be

# %% [markdown]
# ## Data made for it
#
# As in the paper: encode a point, turn the state by a random unitary, look at the parity of both qubits. The sign is the label;
# points with a parity near 0 are left out. So there is a circuit that knows all labels, and its first half is our feature map.

# %%
SECRET = unitary_group.rvs(4, random_state=7)


@qk.qkernel
def secret(x: qk.Vector[qk.Float]) -> qk.Float:
    q = zz_feature_map(qk.qubit_array(2), x)
    q[0], q[1] = qk.unitary(SECRET, q[0], q[1])
    return qk.expval(q, qko.Z(0) * qko.Z(1))


def made_for_it(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many points, and their labels 0 and 1."""
    points = rng.uniform(0, 2 * np.pi, (20 * count, 2))
    parity = secret.run(x=points)
    kept = np.flatnonzero(np.abs(parity) > 0.3)[:count]
    return points[kept], (parity[kept] > 0).astype(int)


# %% [markdown]
# ## Data not made for it
#
# Two half-moons, brought to the same range. Their border is smooth.


# %%
def moons(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many points, and their labels 0 and 1."""
    points, labels = make_moons(count, noise=0.2, random_state=int(rng.integers(2**31)))
    return (points + np.array([1.2, 0.8])) * np.array([1.7, 2.5]), labels


# %% [markdown]
# ## Four machines
#
# The kernel of the overlaps; the *projected* kernel, which compares single qubits (Huang et al. 2021, Nature Communications 12,
# 2631); and two classical ones, straight lines and Gaussians. `SVC(kernel=...)` takes a function of samples as it is. What can
# be chosen, the cost C and the widths, is chosen by cross-validation, for each in the same way.

# %%
COSTS = [0.1, 1, 10, 100]
MACHINES = {
    "quantum, fidelity": {"kernel": [fidelity], "C": COSTS},
    "quantum, projected": {"kernel": [projected_kernel(zz_feature_map, gamma=g) for g in (0.3, 1, 3)], "C": COSTS},
    "Gaussian": {"kernel": ["rbf"], "gamma": [0.1, 0.3, 1, 3, 10], "C": COSTS},
    "linear": {"kernel": ["linear"], "C": COSTS},
}
found = {}
for data, make in (("made for it", made_for_it), ("half-moons", moons)):
    X_train, y_train = make(N_TRAIN)
    X_test, y_test = make(N_TEST)
    found[data] = {"points": (X_test, y_test), "machines": {}}
    print(f"{data}: {N_TRAIN} points to learn from, {N_TEST} to test")
    for name, choices in MACHINES.items():
        machine = GridSearchCV(SVC(), choices, cv=5).fit(X_train, y_train)
        accuracy = machine.score(X_test, y_test)
        found[data]["machines"][name] = (machine, accuracy)
        print(f"  {name:<18} {accuracy:>6.1%}   C = {machine.best_params_['C']}")

# %% [markdown]
# ## What came out

# %%
side = 40 if docs_test_mode else 90
fig, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
for row, (data, one) in zip(axes, found.items(), strict=True):
    X_test, y_test = one["points"]
    low, high = X_test.min(0), X_test.max(0)
    x, y = np.meshgrid(*(np.linspace(a, b, side) for a, b in zip(low, high, strict=True)))
    plane = np.stack([x.ravel(), y.ravel()], 1)
    for panel, (name, (machine, accuracy)) in zip(row, one["machines"].items(), strict=True):
        height = machine.decision_function(plane).reshape(x.shape)
        most = np.abs(height).max()
        panel.contourf(x, y, height, levels=np.linspace(-most, most, 13), cmap="RdBu", alpha=0.7)
        panel.contour(x, y, height, levels=[0], colors="black", linewidths=1)
        panel.scatter(*X_test[:100].T, c=y_test[:100], cmap="RdBu", edgecolors="black", s=18, linewidths=0.6)
        panel.set(title=f"{name}: {accuracy:.0%}", xticks=[], yticks=[])
    row[0].set_ylabel(data, fontsize=12)
fig.savefig(FIGURES / "quantum_kernels_svm.png", dpi=130)
print(f"Figure: {FIGURES / 'quantum_kernels_svm.png'}")

# %% [markdown]
# ## Does it help to be quantum?
#
# Where the labels come from the same circuit, its kernel sees what Gaussians do not: the upper row. That is no news about data
# as one finds them. On the half-moons, whose border is smooth, Gaussians are better by far, as in the lower row, and even a
# straight line is better: the feature map folds the plane far too often. A kernel is a guess about the data, and a quantum
# kernel is worth having where there is a reason to guess that way. With more qubits there is one more trap: overlaps of states
# of many qubits are all nearly 0, so that no sample is like any other.
#
# ## Things to try
#
# * Scale the half-moons by 0.3. The feature map turns less, its kernel becomes smoother, and catches up with Gaussians.
# * `z_feature_map` in the place of `zz_feature_map`: which row changes?
# * Make the points three- and four-dimensional, and look at how the entries of the matrix shrink.
