"""64-byte vectors as a numba type: 16 lanes of float32 or 8 of float64, so that kernels need no luck to be vectorised.

The arrays that kernels take are bare pointers.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from qkernel_backends.native.layout import GAP

_I32 = ir.IntType(32)

# Called from machine code only: no doors for Python, no Python errors.
kernel = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy", nogil=True)


class Vector(types.Type):  # type: ignore[misc]
    """The type of `lanes` numbers in a register."""

    def __init__(self, element: Any, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"Vector({element}, {lanes})")


SINGLE, DOUBLE = Vector(types.float32, 16), Vector(types.float64, 8)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        element = ir.FloatType() if kind.element == types.float32 else ir.DoubleType()
        super().__init__(manager, kind, ir.VectorType(element, kind.lanes))


class _Binary(ConcreteTemplate):  # type: ignore[misc]
    cases = [signature(vector, vector, vector) for vector in (SINGLE, DOUBLE)]  # noqa: RUF012


class _Unary(ConcreteTemplate):  # type: ignore[misc]
    cases = [signature(vector, vector) for vector in (SINGLE, DOUBLE)]  # noqa: RUF012


def _register(function: Any, instruction: str) -> None:
    infer_global(function)(type(f"_{instruction}", (_Binary,), {}))
    for vector in (SINGLE, DOUBLE):

        @lower_builtin(function, vector, vector)  # type: ignore[untyped-decorator]
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments, flags=("contract",))


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _register(_function, _instruction)
infer_global(operator.neg)(_Unary)
for _vector in (SINGLE, DOUBLE):

    @lower_builtin(operator.neg, _vector)  # type: ignore[untyped-decorator]
    def _negated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fneg(arguments[0])


def _vector_of(array: Any) -> Vector:
    return SINGLE if array.dtype == types.float32 else DOUBLE


def _pointer(context: Any, builder: Any, arguments: Any, vector: Vector) -> Any:
    return builder.bitcast(builder.gep(arguments[0], [arguments[1]]), context.get_value_type(vector).as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def lanes_of(typing_context: Any, array: Any) -> Any:
    """How many of an array's numbers a vector holds."""
    lanes = _vector_of(array).lanes

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, lanes)

    return types.intp(array), generate


@kernel
def pitch_of(s, size):  # type: ignore[no-untyped-def]
    """How far apart parts of `size` elements stand: a little more, else they would meet in the same sets of the cache."""
    return size + GAP * lanes_of(s)


@intrinsic  # type: ignore[untyped-decorator]
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """The vector that starts at `index` of an array."""
    vector = _vector_of(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = builder.load(_pointer(context, builder, arguments, vector))
        result.align = array.dtype.bitwidth // 8
        return result

    return vector(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Put a vector at `index` of an array."""
    vector = _vector_of(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = builder.store(arguments[2], _pointer(context, builder, arguments, vector))
        result.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.none(array, types.intp, vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def splat(typing_context: Any, array: Any, value: Any) -> Any:
    """`value` in every lane of a vector of the array's element type."""
    vector = _vector_of(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(vector)
        first = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[1], ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, vector.lanes), [0] * vector.lanes)
        return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)

    return vector(array, array.dtype), generate


@intrinsic  # type: ignore[untyped-decorator]
def swap(typing_context: Any, vector: Any, bit: Any) -> Any:
    """Lane k receives lane k ^ (1 << bit), for a literal bit."""
    if not isinstance(bit, types.IntegerLiteral):
        raise RequireLiteralValue("bit")
    flip = 1 << bit.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        order = ir.Constant(ir.VectorType(_I32, vector.lanes), [(k ^ flip) % vector.lanes for k in range(vector.lanes)])
        return builder.shuffle_vector(arguments[0], arguments[0], order)

    return vector(vector, bit), generate


@intrinsic  # type: ignore[untyped-decorator]
def chosen(typing_context: Any, mask: Any, first: Any, second: Any) -> Any:
    """`first` in the lanes where `mask` is not 0, else `second`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        condition = builder.fcmp_unordered("!=", arguments[0], ir.Constant(arguments[0].type, None))
        return builder.select(condition, arguments[1], arguments[2])

    return first(mask, first, second), generate


@intrinsic  # type: ignore[untyped-decorator]
def nearest(typing_context: Any, vector: Any) -> Any:
    """Each lane rounded to the nearest whole number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        name = f"llvm.nearbyint.v{vector.lanes}f{vector.element.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, arguments)

    return vector(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def scalar(typing_context: Any, array: Any, value: Any) -> Any:
    """`value` as a number of the array's element type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[1], signature.args[1], array.dtype)

    return array.dtype(array, value), generate


@kernel
def swap_any(vector, flip):  # type: ignore[no-untyped-def]
    """Lane k receives lane k ^ flip, for a flip known at run time."""
    if flip & 1:
        vector = swap(vector, 0)
    if flip & 2:
        vector = swap(vector, 1)
    if flip & 4:
        vector = swap(vector, 2)
    if flip & 8:
        vector = swap(vector, 3)
    return vector


@kernel
def without_bits(k, first, second):  # type: ignore[no-untyped-def]
    """The k-th number that has 0 in both of these bits."""
    low, high = min(first, second), max(first, second)
    k = (k >> low << (low + 1)) | (k & ((1 << low) - 1))
    return (k >> high << (high + 1)) | (k & ((1 << high) - 1))


@intrinsic  # type: ignore[untyped-decorator]
def is_odd(typing_context: Any, bits: Any) -> Any:
    """Whether an odd number of bits is set, as 0 or 1."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.and_(builder.ctpop(arguments[0]), context.get_constant(types.int64, 1))

    return types.int64(types.int64), generate


@kernel
def fill(s, at, size):  # type: ignore[no-untyped-def]
    """Put `size` numbers to 0."""
    for k in range(at, at + size):
        s[k] = 0


def one_of(kernels: Sequence[Any]) -> Any:
    """A kernel that calls the one of four which its first argument tells, with the others."""
    first, second, third, fourth = kernels

    @kernel
    def chosen_kernel(number, *arguments):  # type: ignore[no-untyped-def]
        if number == 0:
            first(*arguments)
        elif number == 1:
            second(*arguments)
        elif number == 2:
            third(*arguments)
        else:
            fourth(*arguments)

    return chosen_kernel
