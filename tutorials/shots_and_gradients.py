# %% [markdown]
# # Shots and gradients
#
# A simulator knows expectation values exactly, a device estimates them from shots, and derivatives from such estimates. This
# tutorial measures how good they are: how the error of a derivative falls with the shots, why one shifts by a quarter turn and
# not by a small step, and how many shots a step of training deserves.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer repetitions and steps.

# %%
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from rich.progress import track

import qkernel as qk
import qkernel.observable as qko

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
REPETITIONS = 200 if docs_test_mode else 2000

# %% [markdown]
# ## One qubit, of which all is known
#
# f(theta) = cos(theta). A shot gives 1 or -1, so that its variance is 1 - f^2, and an estimate from N shots has the standard
# error sqrt((1 - f^2) / N). `run_with_errors` estimates that error from the shots as well.


# %%
@qk.qkernel
def f(theta: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), theta), qko.Z(0))


THETA = 0.7
one = f.run_with_errors(theta=THETA, shots=1000, seed=1)
print(f"exactly {f.run(theta=THETA):.4f}; from 1000 shots {one.value:.4f} +- {one.standard_error:.4f}")

# %% [markdown]
# The derivative comes by the parameter-shift rule, f'(t) = (f(t + pi/2) - f(t - pi/2)) / 2: from two estimates, which are
# wrong independently of each other. So its variance is a quarter of the sum of theirs. A batch of equal angles is a number of
# repetitions, each with shots of its own:


# %%
def spread(theta: float) -> float:
    """The standard deviation of one shot."""
    return float(np.sqrt(1 - f.run(theta=theta) ** 2))


def expected_error(shots: int) -> float:
    """The standard deviation of the derivative by the parameter-shift rule."""
    return float(np.hypot(spread(THETA + np.pi / 2), spread(THETA - np.pi / 2)) / 2 / np.sqrt(shots))


shot_numbers = (10, 30, 100, 300, 1000, 3000)
repeated = np.full(REPETITIONS, THETA)
slopes = {shots: f.grad(theta=repeated, shots=shots, seed=shots)["theta"] for shots in shot_numbers}
print("shots    mean   deviation  expected     (exactly, the derivative is", f"{f.grad(theta=THETA)['theta']:.4f})")
for shots, found in slopes.items():
    print(f"{shots:>5}  {found.mean():>6.3f}  {found.std():>9.4f}  {expected_error(shots):>8.4f}")
    assert abs(found.std() / expected_error(shots) - 1) < 4 / np.sqrt(2 * REPETITIONS)  # of as many, four standard errors

# %% [markdown]
# ## Why a quarter turn?
#
# A difference of neighbouring values, (f(t + h) - f(t - h)) / 2h, is a derivative only for small h, and then the noise of both
# values is divided by a small number. Since f is a wave of frequency 1, the difference divided by 2 sin(h) is the derivative
# for *every* h, and its noise is least where sin(h) is largest.

# %%
SHOTS = 1000
steps = np.geomspace(0.01, np.pi / 2, 8 if docs_test_mode else 16)
slope = f.grad(theta=THETA)["theta"]
by_difference, by_shift = [], []
for k, h in enumerate(steps):
    ahead, behind = (f.run(theta=repeated + sign * h, shots=SHOTS, seed=2 * k + (sign > 0)) for sign in (1, -1))
    by_difference.append(np.sqrt(np.mean(((ahead - behind) / (2 * h) - slope) ** 2)))
    by_shift.append(np.sqrt(np.mean(((ahead - behind) / (2 * np.sin(h)) - slope) ** 2)))
best = int(np.argmin(by_difference))
print(f"best finite difference: step {steps[best]:.2f}, error {by_difference[best]:.4f}; quarter turn: {by_shift[-1]:.4f}")

# %% [markdown]
# ## What a step of training costs
#
# Four spins on a ring, each a magnet in a field across it. The circuit shares an angle among all gates of a kind, and the rule
# shifts each gate by itself: so one gradient takes many circuits. `explain` says how many.

# %%
N, LAYERS = 4, 2
RING = [(i, (i + 1) % N) for i in range(N)]
MAGNETS = sum((-1.0 * qko.Z(i) * qko.Z(j) - 1.0 * qko.X(i) for i, j in RING), qko.Hamiltonian(N))


@qk.qkernel
def energy(gammas: qk.Vector[qk.Float], betas: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    q = qk.h(qk.qubit_array(N))
    for layer in qk.range(LAYERS):
        for i, j in RING:
            q[i], q[j] = qk.rzz(q[i], q[j], gammas[layer])
        q = qk.rx(q, betas[layer])
    return qk.expval(q, observable)


lowest = np.linalg.eigvalsh(MAGNETS.to_numpy())[0]
program = energy.compile(bindings={"observable": MAGNETS}, parameters=["gammas", "betas"], shots=100)
print(program.explain())
CIRCUITS = 2 * LAYERS * (len(RING) + N) * len(MAGNETS.qubit_wise_commuting_groups())
print(f"a gradient is {CIRCUITS} circuits: two shifts of each gate, in two bases")

# %% [markdown]
# ## How many shots for a step?
#
# Few shots make cheap steps in a noisy direction, many shots dear ones in a good direction. Here are both, and one that begins
# with few and ends with many; each is trained several times at once, as a batch, with plain gradient descent. What counts is
# the energy above the lowest one after so many shots *in all*.

# %%
STEPS, RUNS, RATE = (10, 4, 0.08) if docs_test_mode else (80, 20, 0.08)
PLANS = {
    "10 shots": np.full(STEPS, 10),
    "100 shots": np.full(STEPS, 100),
    "1000 shots": np.full(STEPS, 1000),
    "10, growing to 1000": np.geomspace(10, 1000, STEPS).astype(int),
}
start = np.random.default_rng(0).normal(0.3, 0.1, (RUNS, 2 * LAYERS))


def train(plan: list[int | None]) -> np.ndarray:
    """The exact energy above the lowest one before each step, for all runs: shape (steps, runs)."""
    gammas, betas = start[:, :LAYERS], start[:, LAYERS:]
    above = []
    for step, shots in enumerate(plan):
        above.append(energy.run(gammas=gammas, betas=betas, observable=MAGNETS) - lowest)
        gradient = energy.grad(
            gammas=gammas, betas=betas, observable=MAGNETS, shots=shots, seed=None if shots is None else step
        )
        gammas, betas = gammas - RATE * gradient["gammas"], betas - RATE * gradient["betas"]
    return np.array(above)


trained = {name: train(plan.tolist()) for name, plan in track(PLANS.items(), description="training", transient=True)}
started = time.perf_counter()
exact = train([None] * STEPS)
seconds = time.perf_counter() - started
print(f"after {STEPS} steps, the median of {RUNS} runs:")
for name, above in trained.items():
    print(f"  {name:<20} {np.median(above[-1]):.4f} above the lowest energy, {CIRCUITS * PLANS[name].sum():>10,} shots a run")
print(f"  exact gradients      {np.median(exact[-1]):.4f}, in {seconds:.2f} s for all runs, by one backward sweep a step")

# %% [markdown]
# ## What came out

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
numbers = np.array(shot_numbers)
left.loglog(numbers, [expected_error(shots) for shots in shot_numbers], color="black", lw=1, label="expected")
left.loglog(numbers, [found.std() for found in slopes.values()], "o", color="C0", label=f"{REPETITIONS:,} repetitions")
left.set(title="The error of a derivative", xlabel="Shots for each value", ylabel="Standard deviation")
left.legend(fontsize=9)
fine = np.geomspace(steps[0], steps[-1], 200)
noise = np.array([np.hypot(spread(THETA + h), spread(THETA - h)) / np.sqrt(SHOTS) for h in fine])
middle.loglog(fine, np.hypot(noise / (2 * fine), slope * (np.sin(fine) / fine - 1)), color="C3", lw=1)
middle.loglog(fine, noise / (2 * np.sin(fine)), color="C0", lw=1)
middle.loglog(steps, by_difference, "s", color="C3", ms=5, label="difference over 2h")
middle.loglog(steps, by_shift, "o", color="C0", ms=5, label="difference over 2 sin h")
middle.axvline(np.pi / 2, color="C7", lw=0.8, ls="--")
middle.text(np.pi / 2, middle.get_ylim()[1] * 0.7, "π/2 ", ha="right", fontsize=9)
middle.set(title=f"Why a quarter turn ({SHOTS:,} shots each)", xlabel="Step h (radians)", ylabel="Error of the derivative")
middle.legend(fontsize=9)
for color, (name, above) in zip(("C1", "C0", "C2", "C3"), trained.items(), strict=True):
    spent = CIRCUITS * np.concatenate([[0], np.cumsum(PLANS[name])[:-1]])
    low, center, high = np.quantile(above, (0.25, 0.5, 0.75), axis=1)
    right.loglog(spent[1:], center[1:], color=color, lw=1.6, label=name)
    right.fill_between(spent[1:], low[1:], high[1:], color=color, alpha=0.15, lw=0)
right.set(title="Training: median and quartiles", xlabel="Shots in all", ylabel="Energy above the lowest", ylim=(1e-3, None))
right.legend(fontsize=9, loc="lower left")
fig.savefig(FIGURES / "shots_and_gradients.png", dpi=150)
print(f"Figure: {FIGURES / 'shots_and_gradients.png'}")

# %% [markdown]
# ## What to take from it
#
# Ten times as small an error costs a hundred times the shots; the shift by a quarter turn is the best use of them. Early steps
# deserve few shots and late ones many. And the classical way, where it can be had, is in another league: on a simulator the
# gradient is exact, and costs a small multiple of one evaluation, however many angles there are.
#
# ## Things to try
#
# * Set `THETA` to 0. Why has the derivative its largest error there?
# * Give every gate its own angle. How do the number of circuits and the result change?
# * Train with `torch.optim.Adam` and a `QLayer(energy, ..., shots=100)`. Does it need fewer shots in all?
