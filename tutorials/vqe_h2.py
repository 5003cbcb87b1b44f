# %% [markdown]
# # The hydrogen molecule, by a variational quantum eigensolver
#
# Two protons, two electrons: the smallest molecule, and the problem on which most people meet VQE. A circuit with one angle
# prepares a state, its energy is an expectation value, and an ordinary optimiser turns the angle until the energy is lowest.
# Done at many distances of the protons, that draws the curve along which the molecule forms, and breaks.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: four distances.

# %%
import io
import math
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import qkernel as qk
import qkernel.observable as qko

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
CHEMICAL_ACCURACY = 0.0016  # hartree; 1 kcal/mol

# %% [markdown]
# ## The data
#
# What chemistry hands over are integrals: numbers that say what electrons in two orbitals, the bonding one (0) and the
# antibonding one (1), have of kinetic energy, of attraction by the protons and of repulsion among themselves. They are those
# of the basis STO-3G (Hehre, Stewart and Pople 1969, J. Chem. Phys. 51, 2657), which for hydrogen are formulas (Szabo and
# Ostlund, *Modern Quantum Chemistry*, appendix A); the tests of this project compute every number of the table anew.
# Distances are in angstrom, energies in hartree; (ij|kl) is in the chemists' order.

# %%
INTEGRALS = """
# R       1/R            h00           h11       (00|00)       (11|11)       (00|11)       (01|01)
0.350  1.5119348883 -1.5185775709 -0.0390854051  0.7447653530  0.7754442682  0.7338975396  0.1625732242
0.400  1.3229430273 -1.4820918870 -0.1187350659  0.7368793538  0.7654433915  0.7253334340  0.1645154235
0.450  1.1759493576 -1.4459755706 -0.1915396896  0.7284886470  0.7551759822  0.7163939085  0.1666214005
0.500  1.0583544218 -1.4105283679 -0.2569357944  0.7197060402  0.7448393656  0.7072398396  0.1688702271
0.550  0.9621403835 -1.3759097285 -0.3149091168  0.7106283379  0.7345822270  0.6980045751  0.1712445167
0.600  0.8819620182 -1.3422139953 -0.3657705783  0.7013377304  0.7245060203  0.6887930959  0.1737306431
0.650  0.8141187860 -1.3095098691 -0.4100263887  0.6919044066  0.7146711072  0.6796839126  0.1763184510
0.700  0.7559674441 -1.2778530068 -0.4482997030  0.6823895345  0.7051056286  0.6707327771  0.1790005754
0.735  0.7199689944 -1.2563390738 -0.4718960135  0.6757101562  0.6985737193  0.6645817291  0.1809311991
0.800  0.6614715136 -1.2178260308 -0.5096378798  0.6633301503  0.6867915326  0.6534413714  0.1846267829
0.900  0.5879746788 -1.1622206884 -0.5551123241  0.6445526566  0.6694850353  0.6370806292  0.1905716931
1.000  0.5291772109 -1.1108441809 -0.5891210073  0.6264025010  0.6530707446  0.6217067626  0.1967905829
1.100  0.4810701917 -1.0633903736 -0.6147527208  0.6091716799  0.6374798752  0.6073354274  0.2032222260
1.200  0.4409810091 -1.0195850745 -0.6340139796  0.5930824327  0.6226985435  0.5939661632  0.2097914681
1.400  0.3779837221 -0.9421415524 -0.6584201070  0.5648187271  0.5956475866  0.5701720841  0.2230220887
1.600  0.3307357568 -0.8771718556 -0.6696481169  0.5418755037  0.5720630117  0.5500736789  0.2359012851
1.800  0.2939873394 -0.8232722665 -0.6725232666  0.5237090450  0.5518502082  0.5332502784  0.2480169933
2.000  0.2645886055 -0.7789220367 -0.6702666734  0.5094628130  0.5346641190  0.5192012582  0.2591384748
2.250  0.2351898715 -0.7346178148 -0.6633222466  0.4958769304  0.5167547292  0.5047929504  0.2715116472
2.500  0.2116708844 -0.7001472918 -0.6540677386  0.4856800991  0.5020597879  0.4931151037  0.2822100461
2.750  0.1924280767 -0.6731879333 -0.6439377527  0.4777754790  0.4899439332  0.4835131052  0.2913764529
3.000  0.1763924036 -0.6519014334 -0.6337147156  0.4713622114  0.4799298174  0.4754987938  0.2992115434
"""
table = {row[0]: row[1:] for row in np.loadtxt(io.StringIO(INTEGRALS))}

# %% [markdown]
# ## From electrons to qubits
#
# Each orbital has room for two electrons, one of each spin: four qubits, each 1 where an electron is. The operator that takes
# an electron away is, after Jordan and Wigner, a Z on all qubits before its own and (X + iY) / 2 there. Observables multiply
# and add as such operators do, so the Hamiltonian is written as in the book. `simplify` drops what rounding leaves of the
# imaginary parts, which cancel.


# %%
def annihilate(p: int, sign: complex = 1j) -> qko.Hamiltonian:
    """Take the electron from spin orbital p, which is orbital p // 2 with spin p % 2."""
    chain = math.prod((qko.Z(k) for k in range(p)), start=qko.Hamiltonian.identity(1.0))
    return 0.5 * chain * (qko.X(p) + sign * qko.Y(p))


def create(p: int) -> qko.Hamiltonian:
    """Put an electron there: the adjoint."""
    return annihilate(p, sign=-1j)


def molecule(distance: float) -> qko.Hamiltonian:
    """The Hamiltonian on four qubits, with the repulsion of the protons."""
    nuclear, h00, h11, g0000, g1111, g0011, g0101 = table[distance]
    one = np.diag([h00, h11])
    two = np.zeros((2, 2, 2, 2))
    two[0, 0, 0, 0], two[1, 1, 1, 1] = g0000, g1111
    two[0, 0, 1, 1] = two[1, 1, 0, 0] = g0011
    two[0, 1, 0, 1] = two[1, 0, 1, 0] = two[0, 1, 1, 0] = two[1, 0, 0, 1] = g0101
    energy = qko.Hamiltonian.identity(nuclear)
    for p in range(4):
        energy += one[p // 2, p // 2] * create(p) * annihilate(p)
    for p, q, r, s in np.ndindex(4, 4, 4, 4):
        if p % 2 == s % 2 and q % 2 == r % 2:
            energy += 0.5 * two[p // 2, s // 2, q // 2, r // 2] * create(p) * create(q) * annihilate(r) * annihilate(s)
    return energy.simplify()


H = molecule(0.735)
print(H)
print(f"{len(H)} terms on {H.num_qubits} qubits, {len(H.qubit_wise_commuting_groups())} settings of the measuring device")

# %% [markdown]
# ## The circuit
#
# The state of Hartree and Fock has both electrons in the bonding orbital: qubits 0 and 1 are 1. What is missing to the exact
# state is some of the state where both sit in the antibonding orbital. The rotation between these two is exp(-i theta G) with
# the generator G below, a sum of eight Pauli words that commute, so that `pauli_evolve` is exact.

# %%
both_up = create(2) * create(3) * annihilate(1) * annihilate(0)
both_down = create(0) * create(1) * annihilate(3) * annihilate(2)
EXCITATION = 1j * (both_up - both_down)
print("G =", EXCITATION)


# %%
@qk.qkernel
def state(theta: qk.Float, generator: qk.Observable) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(4)
    q[:2] = qk.x(q[:2])
    return qk.pauli_evolve(q, generator, theta)


@qk.qkernel
def energy(theta: qk.Float, generator: qk.Observable, hamiltonian: qk.Observable) -> qk.Float:
    return qk.expval(state(theta, generator), hamiltonian)


# %% [markdown]
# On this one state each of the eight words does the same as the others, up to a sign. So one of them, with the whole angle,
# does the work of all; what that saves can be counted before anything runs.

# %%
WORD = qko.Hamiltonian.from_string("X0*X1*X2*Y3")
for name, generator in (("eight words", EXCITATION), ("one word", WORD)):
    counts = energy.estimate_resources(bindings={"generator": generator, "hamiltonian": H}, basis=["cx", "rz", "sx", "x"]).gates
    print(f"{name}: {counts.two_qubit} CNOTs, {counts.total} gates")

# %% [markdown]
# ## The lowest energy
#
# Value and derivative come from one call, exactly; `scipy` does the rest.


# %%
def lowest(hamiltonian: qko.Hamiltonian, generator: qko.Hamiltonian = WORD) -> tuple[float, float, int]:
    """The lowest energy that the circuit reaches, its angle, and how often the energy was asked for."""

    def ask(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = energy.value_and_grad(theta=theta[0], generator=generator, hamiltonian=hamiltonian)
        return value, np.array([gradient["theta"]])

    found = minimize(ask, x0=[0.0], jac=True, method="BFGS", options={"gtol": 1e-7})
    return found.fun, found.x[0], found.nfev


def exact(hamiltonian: qko.Hamiltonian) -> float:
    """The lowest eigenvalue of the 16 x 16 matrix."""
    return float(np.linalg.eigvalsh(hamiltonian.to_numpy())[0])


for name, generator in (("eight words", EXCITATION), ("one word", WORD)):
    value, theta, calls = lowest(H, generator)
    print(f"{name}: {value:.8f} hartree at theta = {theta:.5f}, after {calls} evaluations")
print(f"exact diagonalisation: {exact(H):.8f} hartree")
assert abs(value - exact(H)) < 1e-8

# %% [markdown]
# ## The whole curve
#
# Beside VQE stand Hartree-Fock (theta = 0, what a mean field gives) and the exact energies. A device does not show expectation
# values but shots, from which the energy is estimated with a standard error: so each point is measured as well, with few shots
# and with many. A number of shots is that of each setting of the measuring device.

# %%
SHOTS = (1_000, 100_000)
distances = np.array([0.5, 0.735, 1.4, 3.0] if docs_test_mode else list(table))
rows, measured = [], {shots: [] for shots in SHOTS}
for k, distance in enumerate(distances.tolist()):
    hamiltonian = molecule(distance)
    value, theta, _ = lowest(hamiltonian)
    rows.append((energy.run(theta=0.0, generator=WORD, hamiltonian=hamiltonian), value, exact(hamiltonian)))
    for shots, found in measured.items():
        found.append(energy.run_with_errors(theta=theta, generator=WORD, hamiltonian=hamiltonian, shots=shots, seed=k))
hartree_fock, vqe, diagonal = np.array(rows).T

print(f"distance  Hartree-Fock        VQE      exact  {SHOTS[0]:,} shots")
for distance, row, found in zip(distances, rows, measured[SHOTS[0]], strict=True):
    print(f"{distance:>8.3f}  {row[0]:>12.6f}  {row[1]:>9.6f}  {row[2]:>9.6f}  {found.value:.3f} +- {found.standard_error:.3f}")
print(
    f"largest error of VQE: {np.abs(vqe - diagonal).max():.0e} hartree; of Hartree-Fock: {(hartree_fock - diagonal).max():.3f}"
)
assert np.abs(vqe - diagonal).max() < 1e-7
largest = max(found.standard_error for found in measured[SHOTS[0]])
needed = SHOTS[0] * (largest / CHEMICAL_ACCURACY) ** 2 * len(H.qubit_wise_commuting_groups())
print(f"shots in all for a standard error of {CHEMICAL_ACCURACY} at every distance: about {needed:,.0f} for each")

# %% [markdown]
# ## What came out

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4.4), layout="constrained")
left.plot(distances, hartree_fock, "--", color="C7", label="Hartree-Fock")
left.plot(distances, diagonal, color="black", lw=1.2, label="exact diagonalisation")
left.plot(distances, vqe, "o", color="C0", ms=5, label="VQE")
left.set(title="H₂ in STO-3G: one angle draws the curve", xlabel="Distance (Å)", ylabel="Energy (hartree)")
left.legend(fontsize=9, loc="lower right")
right.axhspan(-1e3 * CHEMICAL_ACCURACY, 1e3 * CHEMICAL_ACCURACY, color="C2", alpha=0.15, label="chemical accuracy")
right.plot(distances, 1e3 * (vqe - diagonal), color="C0", lw=1.2, label="VQE, exact values")
for (shots, found), color in zip(measured.items(), ("C1", "C3"), strict=True):
    means, errors = (1e3 * np.array(column) for column in zip(*((one.value, one.standard_error) for one in found), strict=True))
    right.errorbar(distances, means - 1e3 * diagonal, errors, fmt="o", ms=3, lw=1, color=color, label=f"{shots:,} shots")
right.set(title="What shots make of it", xlabel="Distance (Å)", ylabel="Distance from the exact energy (millihartree)")
right.legend(fontsize=9)
fig.savefig(FIGURES / "vqe_h2.png", dpi=150)
print(f"Figure: {FIGURES / 'vqe_h2.png'}")

# %% [markdown]
# ## Is it worth it?
#
# A matrix of 16 x 16 has its eigenvalues in microseconds, and chemists compute molecules of many more electrons well. What the
# picture does show is where a mean field fails, when a bond breaks, and that a circuit with one angle and six CNOTs mends it.
# It also shows the price of measuring: a standard error of a millihartree takes some hundred thousand shots, for two electrons.
#
# ## Things to try
#
# * Put `EXCITATION` in the place of `WORD`. Is there a device on which you would?
# * Begin with an electron in each orbital, `q[0]` and `q[3]`. Which energy is found then?
# * Add a distance: the tests of this project have the formulas of the integrals.
