"""What can be done about noise afterwards: estimates that are less wrong, with the standard errors that this costs.

Zero-noise extrapolation (`folds`), Pauli twirling (`twirls`) and corrected bits (`calibration`), on any engine, one by one or
together, in `estimate`; `calibrate` measures how bits are misread, and its result also corrects samples. Dynamical decoupling
is Qiskit's to do: `qkernel_backends.qiskit.decoupling`.
"""

from __future__ import annotations

from qkernel.mitigation.estimates import estimate
from qkernel.mitigation.readout import QuasiProbabilities, ReadoutCalibration, calibrate

__all__ = ["QuasiProbabilities", "ReadoutCalibration", "calibrate", "estimate"]
