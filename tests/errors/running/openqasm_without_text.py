"""Nothing is given where a program in OpenQASM is wanted."""

import qkernel as qk

qk.from_qasm("")
