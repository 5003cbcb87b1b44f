"""What kernels call beside gates: making, measuring and reading out qubits, ranges, classical functions.

All of these work only inside a kernel, except `range` and the classical functions, which also take plain numbers.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from qkernel.errors import KernelTypeError, ObservableError, SizeError
from qkernel.frontend.arrays import whole_number
from qkernel.frontend.calls import angle, apply_gate, call_unitary
from qkernel.frontend.iteration import SymbolicItems, SymbolicRange
from qkernel.frontend.ownership import QuantumHandle, as_given, check_distinct, is_of_qubits
from qkernel.frontend.tracer import Tracer, active_tracer
from qkernel.frontend.values import as_type, describe, is_observable
from qkernel.ir import ops
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Pack, Slice, apply, item, vector, wrap
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, ArrayType, DictType
from qkernel.observable import Hamiltonian
from qkernel.tracing import is_tracing
from qkernel.types import Bit, Dict, Float, Observable, QFixed, Qubit, UInt, Vector

if TYPE_CHECKING:
    Qubits = TypeVar("Qubits", Qubit, Vector[Qubit], list[Any], tuple[Any, ...])
    K = TypeVar("K")
    V = TypeVar("V")

# qubits ---------------------------------------------------------------------------------------------------------------


def qubit(name: str | None = None) -> Qubit:
    """A fresh qubit in 0."""
    tracer = active_tracer("`qubit`")
    register = tracer.fresh(name or tracer.hint, "q")
    tracer.emit(ops.Alloc(register, None, tracer.site.span))
    return tracer.register(register, None, name)  # type: ignore[return-value]


def qubit_array(n: UInt, name: str | None = None) -> Vector[Qubit]:
    """A register of `n` fresh qubits in 0; `n` may be symbolic and may be 0."""
    tracer = active_tracer("`qubit_array`")
    size = _size(tracer, n, "the size of a register")
    if name is not None and not isinstance(name, str):
        raise KernelTypeError(
            f"the name of a register must be a text, but this is {describe(name)}",
            span=tracer.site.of(1) or tracer.site.span,
            label="not a name",
            help="a register has one axis: `qk.qubit_array(n)`; for rows of them write `[qk.qubit_array(n) for _ in range(m)]`",
        )
    register = tracer.fresh(name or tracer.hint, "q")
    tracer.emit(ops.Alloc(register, size, tracer.site.span))
    return tracer.register(register, size, name)  # type: ignore[return-value]


def _size(tracer: Tracer, value: Any, what: str) -> Expr:
    if isinstance(value, str):
        raise KernelTypeError(
            f"{what} must be a UInt, but this is {describe(value)}",
            span=tracer.site.of(0),
            label="not a size",
            help=f"the size comes first: `qk.qubit_array(n, {value!r})`",
        )
    size = whole_number(value, what, tracer.site.of(0))
    if isinstance(size, Const) and size.value < 0:
        raise SizeError(f"{what} is negative: {size.value}", span=tracer.site.of(0), label=f"this is {size.value}")
    return size


def unitary(matrix: Any, *qubits: Qubit) -> Any:
    """The gate of a unitary matrix, shape (2**k, 2**k) for k qubits, the first qubit least significant."""
    return call_unitary(active_tracer("`unitary`"), matrix, qubits)


def barrier(*targets: Any) -> Any:
    """Keep a target's passes from moving gates across; returns its qubits."""
    tracer = active_tracer("`barrier`")
    handles = [tracer.expect_qubits(target, "argument of `barrier`", tracer.site.of(k)) for k, target in enumerate(targets)]
    check_distinct(handles, [tracer.site.of(k) for k in builtins.range(len(handles))])
    results = [as_given(result) for result in apply_gate(tracer, "barrier", handles, ())]
    return results[0] if len(results) == 1 else tuple(results)


# measurement ------------------------------------------------------------------------------------------------------------


@overload
def measure(target: Qubit) -> Bit: ...
@overload
def measure(target: Vector[Qubit]) -> Vector[Bit]: ...
@overload
def measure(target: QFixed) -> Float: ...
@overload
def measure(target: Sequence[Qubit | Vector[Qubit]]) -> Any: ...
def measure(target: Any) -> Any:
    """Measure in the computational basis; consumes the qubits. A QFixed gives its number."""
    tracer = active_tracer("`measure`")
    handle = tracer.expect_qubits(target, "argument of `measure`", tracer.site.of(0))
    result = _measure(tracer, handle, "z", keeps=False)
    if handle.fixed_point is not None:
        return apply("fixed", result, handle.fixed_point)
    return _bits_as_given(tracer, handle, result)


def _bits_as_given(tracer: Tracer, handle: QuantumHandle, bits: Expr) -> Any:
    """The bits of a register in the shape in which its qubits were given."""
    position: Expr = ZERO

    def take(given: Any) -> Any:
        nonlocal position
        if not isinstance(given, QuantumHandle):
            return tracer.made(type(given)(map(take, given)))
        start, length = position, ONE if given.length is None else given.length
        position = start + length
        return item(bits, start) if given.length is None else Slice(bits, start, ONE, length)

    return bits if handle.given is None else take(handle.given)


def _measure(tracer: Tracer, handle: QuantumHandle, basis: str, keeps: bool) -> Expr:
    tracer.take(handle, "measured", tracer.site.of(0), consumed=not keeps)
    hint = (tracer.hints[1] if len(tracer.hints) == 2 else None) if keeps else tracer.hint
    name = tracer.fresh(hint, "bits" if handle.is_register else "bit")
    tracer.emit(ops.Measure(handle.place, name, basis, keeps, tracer.site.span))
    return Name(name, ArrayType(BIT) if handle.is_register else BIT)


def _project(target: Any, basis: str) -> Any:
    tracer = active_tracer(f"`project_{basis}`")
    handle = tracer.expect_qubits(target, f"argument of `project_{basis}`", tracer.site.of(0))
    bits = _measure(tracer, handle, basis, keeps=True)
    return as_given(handle.successor()), _bits_as_given(tracer, handle, bits)


def project_z(target: Qubits) -> tuple[Qubits, Any]:
    """Measure in the Z basis and keep the qubits: (qubits, bits)."""
    return _project(target, "z")  # type: ignore[no-any-return]


def project_x(target: Qubits) -> tuple[Qubits, Any]:
    """Measure in the X basis and keep the qubits: (qubits, bits)."""
    return _project(target, "x")  # type: ignore[no-any-return]


def project_y(target: Qubits) -> tuple[Qubits, Any]:
    """Measure in the Y basis and keep the qubits: (qubits, bits)."""
    return _project(target, "y")  # type: ignore[no-any-return]


def reset(target: Qubits) -> Qubits:
    """Put qubits into 0, whatever they held."""
    tracer = active_tracer("`reset`")
    handle = tracer.expect_qubits(target, "argument of `reset`", tracer.site.of(0))
    tracer.take(handle, "reset", tracer.site.of(0))
    tracer.emit(ops.Reset(handle.place, tracer.site.span))
    return as_given(handle.successor())  # type: ignore[no-any-return]


def measure_reset(target: Qubits) -> tuple[Qubits, Any]:
    """Measure in the Z basis and put the qubits into 0: (qubits, bits)."""
    kept, bits = _project(target, "z")
    return reset(kept), bits


# read-out ---------------------------------------------------------------------------------------------------------------


@overload
def expval(target: Any, observable: Vector[Observable]) -> Vector[Float]: ...
@overload
def expval(target: Any, observable: Observable | Hamiltonian) -> Float: ...
def expval(target: Any, observable: Any) -> Any:
    """The expectation value of an observable, whose qubit k is the k-th qubit of `target`: a qubit, register, view or
    list of them. With a vector of observables, all of them of one state. Consumes the qubits."""
    tracer = active_tracer("`expval`")
    if is_observable(target) and is_of_qubits(observable):
        raise KernelTypeError(
            f"argument `target` of `expval` must be a Qubit or a Vector[Qubit], but this is {describe(target)}",
            span=tracer.site.of(0),
            label="not a qubit",
            help="`target` and `observable` seem to have changed places: `expval(target, observable)`",
        )
    place = _read_out(tracer, target, "expval")
    value = _observable(tracer, observable)
    name = tracer.fresh(tracer.hint, "expectation")
    is_vector = isinstance(value.type, ArrayType)
    tracer.emit(ops.Expval(place, value, name, tracer.site.span))
    return Name(name, ArrayType(FLOAT) if is_vector else FLOAT)


def _read_out(tracer: Tracer, target: Any, what: str) -> Place:
    span = tracer.site.of(0)
    handle = tracer.expect_qubits(target, f"argument of `{what}`", span)
    tracer.take(handle, f"read out by `{what}`", span, consumed=True)
    return handle.place


def _observable(tracer: Tracer, value: Any) -> Expr:
    if isinstance(value, (list, tuple)) and value and all(map(is_observable, value)):
        return Pack(tuple(map(wrap, value)), ArrayType(OBSERVABLE))
    if is_observable(value) or (isinstance(value, Expr) and value.type == ArrayType(OBSERVABLE)):
        return wrap(value)
    raise KernelTypeError(
        f"an observable must be an Observable or a Hamiltonian, but this is {describe(value)}",
        span=tracer.site.of(1),
        label="not an observable",
        help="for example `qkernel.observable.Z(0)`",
    )


def probabilities(target: Any) -> Vector[Float]:
    """The 2**n outcome probabilities of n qubits, index 0 all zeros, first qubit least significant. Consumes the qubits."""
    tracer = active_tracer("`probabilities`")
    place = _read_out(tracer, target, "probabilities")
    name = tracer.fresh(tracer.hint, "distribution")
    tracer.emit(ops.Probabilities(place, name, tracer.site.span))
    return Name(name, ArrayType(FLOAT))  # type: ignore[return-value]


def pauli_evolve(target: Qubits, observable: Any, time: Float) -> Qubits:
    """exp(-i time observable): a Trotter step in the order of the terms, exact where they commute."""
    tracer = active_tracer("`pauli_evolve`")
    value = _observable(tracer, observable)
    if isinstance(value.type, ArrayType):
        raise ObservableError("`pauli_evolve` takes one observable", span=tracer.site.of(1), label="a vector of them")
    duration = angle(time, "the time of `pauli_evolve`", tracer.site.of(2))
    handle = tracer.expect_qubits(target, "argument of `pauli_evolve`", tracer.site.of(0))
    tracer.take(handle, "passed to `pauli_evolve`", tracer.site.of(0))
    tracer.emit(ops.PauliEvolve(handle.place, value, duration, (), tracer.site.span))
    return as_given(handle.successor())  # type: ignore[no-any-return]


def prepare(target: Vector[Qubit], amplitudes: Any, *, imaginary: Any = None) -> Vector[Qubit]:
    """Bring a fresh register into the state of `amplitudes`, scaled to norm 1: amplitude k is that of the basis state k.

    The first qubit is least significant. Amplitudes are real; with `imaginary`, a second vector, they are
    `amplitudes[k] + 1j * imaginary[k]`. What is not given is 0. The state is differentiable by both vectors wherever
    they are not all 0. As gates, and in counts, it is the circuit of Möttönen et al. 2005 (arXiv:quant-ph/0407010): on
    n > 0 qubits 2**n - 1 RY and 2**n - 2 CX; for complex amplitudes as many RZ and CX more, and a global phase.
    """
    tracer = active_tracer("`prepare`")
    handle = tracer.expect_qubits(target, "argument of `prepare`", tracer.site.of(0))
    if not handle.is_register:
        raise KernelTypeError(
            "`prepare` takes a register",
            span=tracer.site.of(0),
            label="one qubit",
            help="make one with `qk.qubit_array(1)`",
        )
    try:
        vector = as_type(amplitudes, ArrayType(FLOAT), "the vector of amplitudes", tracer.site.of(1))
    except KernelTypeError as error:
        parts = amplitudes if isinstance(amplitudes, list | tuple) else (amplitudes,)
        if any(isinstance(part, complex | np.generic | np.ndarray) and np.iscomplexobj(part) for part in parts):
            error.help = "imaginary parts are a vector of their own: `qk.prepare(q, x, imaginary=y)`"
        raise
    second = None
    if imaginary is not None:
        second = as_type(imaginary, ArrayType(FLOAT), "the vector of imaginary parts", tracer.site.of("imaginary"))
    tracer.take(handle, "passed to `prepare`", tracer.site.of(0))
    tracer.emit(ops.Prepare(handle.place, vector, second, tracer.site.span))
    return as_given(handle.successor())  # type: ignore[no-any-return]


def cast(target: Vector[Qubit], kind: type[QFixed], int_bits: int = 0) -> QFixed:
    """Read a register as a fixed-point number in [0, 2**int_bits), least significant bit first."""
    tracer = active_tracer("`cast`")
    handle = tracer.expect_qubits(target, "argument of `cast`", tracer.site.of(0))
    if kind is not QFixed or not handle.is_register:
        raise KernelTypeError(
            "`cast` makes a QFixed of a register",
            span=tracer.site.of(0) if kind is QFixed else tracer.site.of(1),
            label="not a register" if kind is QFixed else "not QFixed",
            help="write `qk.cast(q, qk.QFixed, int_bits=0)`, where `q` is a register",
        )
    if isinstance(int_bits, bool) or not isinstance(int_bits, int) or int_bits < 0:
        raise KernelTypeError(
            f"`int_bits` must be a known whole number, but this is {describe(int_bits)}", span=tracer.site.of("int_bits")
        )
    tracer.take(handle, "cast to QFixed", tracer.site.of(0))
    result = handle.successor()
    result.fixed_point = Const(int_bits)
    return result  # type: ignore[return-value]


# classical values -------------------------------------------------------------------------------------------------------


def range(*bounds: UInt) -> Iterable[UInt]:
    """Python's `range`; in a kernel its bounds may be symbolic, and a `for` over it stays a loop."""
    return SymbolicRange(*bounds) if is_tracing() else builtins.range(*bounds)


def items(dictionary: Dict[K, V]) -> Iterable[tuple[K, V]]:
    """The items of a dictionary, in its order."""
    given: Any = dictionary
    if isinstance(given, Expr):
        if isinstance(given.type, DictType):
            return SymbolicItems(given)
        raise KernelTypeError(
            f"`items` takes a Dict, but this is {describe(given)}",
            span=active_tracer("`items`").site.of(0),
            label="not a Dict",
            help="loop over the indices of a vector: `for i in qk.range(v.shape[0])`",
        )
    return dictionary.items()


def bit(value: Bit | int) -> Bit:
    """A known bit: False, True, 0 or 1."""
    given: Any = value
    if isinstance(given, Expr):
        return given  # type: ignore[return-value]
    if given not in (0, 1):
        span = active_tracer("`bit`").site.of(0) if is_tracing() else None
        raise KernelTypeError(f"a bit is 0 or 1, but this is {describe(given)}", span=span, label="no bit" if span else "")
    return bool(given)


def uint(value: UInt) -> UInt:
    """A known whole number."""
    whole_number(value, "argument of `uint`", active_tracer("`uint`").site.of(0) if is_tracing() else None)
    return value


def float_(value: Any) -> Float:
    """A number as a Float."""
    return apply("float", value) if isinstance(value, Expr) else float(value)  # type: ignore[return-value]


def bit_array(n: UInt, name: str | None = None) -> Vector[Bit]:
    """A vector of `n` bits, all 0, to be assigned elementwise."""
    return _array("bit", False, n)  # type: ignore[no-any-return]


def uint_array(n: UInt, name: str | None = None) -> Vector[UInt]:
    """A vector of `n` whole numbers, all 0, to be assigned elementwise."""
    return _array("uint", 0, n)  # type: ignore[no-any-return]


def float_array(n: UInt, name: str | None = None) -> Vector[Float]:
    """A vector of `n` real numbers, all 0, to be assigned elementwise."""
    return _array("float", 0.0, n)  # type: ignore[no-any-return]


def _array(kind: str, zero: float, n: UInt) -> Any:
    size = _size(active_tracer(f"`{kind}_array`"), n, f"the size of a {kind} array")
    if isinstance(size, Const):
        return vector([zero] * size.value) if size.value else Pack((), vector([zero]).type)
    return Slice(vector([zero]), Const(0), Const(0), size)


def _function(name: str, plain: Any) -> Any:
    def function(value: Any) -> Any:
        return apply(name, value) if isinstance(value, Expr) else plain(value)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}` of a number, known or symbolic."
    return function


def _fold(name: str, plain: Any) -> Any:
    def function(*values: Any) -> Any:
        first, *others = values[0] if len(values) == 1 else values
        for other in others:
            first = apply(name, first, other) if isinstance(first, Expr) or isinstance(other, Expr) else plain(first, other)
        return first

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}` of numbers, known or symbolic, one by one or in a list."
    return function


if TYPE_CHECKING:
    Number = TypeVar("Number", int, float)

    def abs(value: Number) -> Number: ...
    def min(*values: Number) -> Number: ...
    def max(*values: Number) -> Number: ...
    def sin(value: Float) -> Float: ...
    def cos(value: Float) -> Float: ...
    def tan(value: Float) -> Float: ...
    def exp(value: Float) -> Float: ...
    def log(value: Float) -> Float: ...
    def sqrt(value: Float) -> Float: ...
    def log2(value: Float) -> Float: ...
    def floor(value: Float) -> UInt: ...
    def ceil(value: Float) -> UInt: ...
else:
    sin, cos, tan = (_function(name, getattr(math, name)) for name in ("sin", "cos", "tan"))
    exp, log, sqrt, log2 = (_function(name, getattr(math, name)) for name in ("exp", "log", "sqrt", "log2"))
    floor, ceil = _function("floor", math.floor), _function("ceil", math.ceil)
    abs, min, max = _function("abs", builtins.abs), _fold("min", builtins.min), _fold("max", builtins.max)
