"""Values for arguments: what is taken, in which form, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    NotFiniteError,
    ObservableError,
    UnknownBindingError,
    ValidationError,
)
from qkernel.ir.expressions import Const, vector
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.lower.angles import OpenParameter
from qkernel.lower.bindings import Binder, normalise, theta
from qkernel.observable import X, Z

FLOATS, UINTS, MATRIX = ArrayType(FLOAT), ArrayType(UINT), ArrayType(FLOAT, 2)
PAIRS = DictType(TupleType((UINT, UINT)), FLOAT)


def entry(*parameters: Parameter, **types: Type) -> Function:
    return Function("ansatz", (*parameters, *(Parameter(name, type) for name, type in types.items())), ())


def bound(type: Type, value: Any) -> Any:
    return normalise(entry(x=type), {"x": value}).values["x"]


class TestCompileTime:
    @pytest.mark.parametrize(
        ("type", "value", "expected"),
        [
            (UINT, 3, 3),
            (UINT, np.int32(-2), -2),
            (UINT, np.array(5), 5),
            (FLOAT, 2, 2.0),
            (FLOAT, np.float32(0.5), 0.5),
            (FLOAT, Fraction(1, 4), 0.25),
            (BIT, True, True),
            (BIT, np.bool_(False), False),
            (TupleType((UINT, FLOAT)), (1, 2), (1, 2.0)),
            (PAIRS, {(0, np.int64(1)): 2}, {(0, 1): 2.0}),
            (DictType(UINT, UINT), {2: 3}, {2: 3}),
            (DictType(UINTS, FLOAT), {(0, 1, 2): 0.5}, {(0, 1, 2): 0.5}),
        ],
    )
    def test_plain_forms(self, type: Type, value: Any, expected: Any) -> None:
        found = bound(type, value)
        assert found == expected
        assert found.__class__ is expected.__class__

    @pytest.mark.parametrize(
        ("type", "value", "dtype"),
        [
            (FLOATS, [1, 2.5], float),
            (UINTS, (1, 2), np.int64),
            (MATRIX, [[1, 2], [3, 4]], float),
            (ArrayType(BIT), [True], bool),
        ],
    )
    def test_arrays(self, type: Type, value: Any, dtype: Any) -> None:
        found = bound(type, value)
        assert found.dtype == dtype
        assert np.array_equal(found, value)

    def test_an_array_is_copied(self) -> None:
        values = np.zeros(3)
        found = bound(FLOATS, values)
        values[0] = 1
        assert found[0] == 0

    def test_observables(self) -> None:
        assert bound(OBSERVABLE, Z(0)) == Z(0)
        assert bound(ArrayType(OBSERVABLE), [Z(0), X(1)]) == (Z(0), X(1))
        for wrong in ("Z", 1.0, [Z(0)]):
            with pytest.raises(BindingTypeError, match="`x` is of type Observable"):
                bound(OBSERVABLE, wrong)
        with pytest.raises(BindingTypeError, match="Vector"):
            bound(ArrayType(OBSERVABLE), Z(0))
        with pytest.raises(ObservableError, match="complex"):
            bound(OBSERVABLE, 1j * Z(0))

    @pytest.mark.parametrize(
        ("type", "value"),
        [
            (UINT, True),
            (UINT, 2.0),
            (UINT, "3"),
            (UINT, None),
            (FLOAT, True),
            (FLOAT, 1j),
            (FLOAT, "0.5"),
            (FLOAT, [0.5]),
            (BIT, 2),
            (FLOATS, 0.5),
            (FLOATS, [True, 0.5]),
            (FLOATS, ["a"]),
            (FLOATS, {0: 1.0}),
            (FLOATS, [[1.0], [1.0, 2.0]]),
            (UINTS, [0.5]),
            (UINTS, [True]),
            (TupleType((UINT, UINT)), (1, 2, 3)),
            (PAIRS, [1.0]),
            (PAIRS, {1: 0.5}),
            (PAIRS, {(0, 1.5): 0.5}),
            (PAIRS, {(0, 1, 2): 0.5}),
        ],
    )
    def test_wrong_types_name_the_argument(self, type: Type, value: Any) -> None:
        with pytest.raises(BindingTypeError, match="`x"):
            bound(type, value)

    @pytest.mark.parametrize(
        ("type", "value"),
        [(FLOATS, [[1.0, 2.0]]), (MATRIX, [1.0]), (FLOAT, np.array([0.1])), (UINT, np.zeros(2, int))],
    )
    def test_wrong_ranks(self, type: Type, value: Any) -> None:
        with pytest.raises(BindingShapeError, match="`x`"):
            bound(type, value)

    def test_not_finite(self) -> None:
        with pytest.raises(NotFiniteError, match="`x` is nan"):
            bound(FLOAT, float("nan"))
        with pytest.raises(NotFiniteError, match=r"`x\[1\]` is inf"):
            bound(FLOATS, [0.0, np.inf])
        with pytest.raises(NotFiniteError, match=r"`x\[1\]\[0\]` is -inf"):
            bound(MATRIX, [[0.0], [-np.inf]])
        with pytest.raises(NotFiniteError, match=r"`x\[\(0, 1\)\]` is nan"):
            bound(PAIRS, {(0, 1): float("nan")})

    def test_a_torch_tensor(self) -> None:
        import torch

        values = torch.tensor([0.5, -1.5], requires_grad=True)
        assert bound(FLOATS, values).tolist() == [0.5, -1.5]
        assert bound(FLOATS, [torch.tensor(0.5), torch.tensor(1.0)]).tolist() == [0.5, 1.0]
        assert bound(FLOATS, values.bfloat16()).tolist() == [0.5, -1.5]
        assert bound(UINT, torch.tensor(3)) == 3


class TestWhatStaysOpen:
    def test_floats_and_whole_numbers_by_themselves_in_signature_order(self) -> None:
        function = entry(n=UINT, w=FLOATS, a=FLOAT, m=MATRIX, d=PAIRS)
        assert normalise(function, {"a": 1}).open == ("n", "w", "m", "d")
        assert normalise(function, {}, ["d", "n"]).open == ("n", "w", "a", "m", "d")

    def test_a_default_counts_where_nothing_else_is_said(self) -> None:
        function = entry(Parameter("a", FLOAT, Const(1)), Parameter("v", FLOATS, vector([1, 2])))
        found = normalise(function, {})
        assert found.values["a"] == 1.0
        assert found.values["v"].tolist() == [1.0, 2.0]
        assert normalise(function, {"a": 2.0}, ["v"]).values == {"a": 2.0}
        assert normalise(function, {}, ["a", "v"]).open == ("a", "v")

    def test_both_fixed_and_open(self) -> None:
        with pytest.raises(ConflictingBindingError, match="`a`"):
            normalise(entry(a=FLOAT), {"a": 1.0}, ["a"])

    def test_unknown_names_show_the_signature(self) -> None:
        for arguments in (({"wieghts": 1.0}, []), ({}, ["wieghts"])):
            with pytest.raises(UnknownBindingError) as caught:
                normalise(entry(n=UINT, weights=FLOATS), *arguments)
            assert "did you mean `weights`" in str(caught.value)
            assert "(n: UInt, weights: Vector[Float])" in str(caught.value)

    @pytest.mark.parametrize("type", [OBSERVABLE, ArrayType(OBSERVABLE), BIT, DictType(UINT, BIT), TupleType((UINT, UINT))])
    def test_what_shapes_the_circuit_is_wanted(self, type: Type) -> None:
        for asked in ([], ["h"]):
            with pytest.raises(EntrypointValidationError, match="`h`"):
                normalise(entry(h=type), {}, asked)

    def test_qubits_are_not_bound(self) -> None:
        with pytest.raises(EntrypointValidationError, match="takes qubits"):
            normalise(entry(q=QUBIT), {})


def binder(**shapes: Any) -> Binder:
    parameters, start = [], 0
    for name, shape in shapes.items():
        type = UINT if name == "n" else PAIRS if name == "d" else ArrayType(FLOAT, len(shape)) if shape else FLOAT
        keys = ((0, 1), (1, 2)) if name == "d" else ()
        parameters.append(OpenParameter(name, type, start, shape, keys))
        start += parameters[-1].size
    return Binder(tuple(parameters), "ansatz", frozenset({"fixed"}))


class TestRunTime:
    def test_signature_order_then_index_order(self) -> None:
        found, batched = binder(b=(2,), a=(), m=(2, 2)).theta({"m": [[4, 5], [6, 7]], "a": 3, "b": (1, 2)})
        assert found.tolist() == [[1, 2, 3, 4, 5, 6, 7]]
        assert not batched

    def test_elements(self) -> None:
        found, _ = binder(t=(2,), a=(), m=(1, 2)).theta({"t[1]": 1.0, "a": 2.0, "t[0]": 0.0, "m[0][1]": 4, "m[0][0]": 3})
        assert found.tolist() == [[0, 1, 2, 3, 4]]

    def test_batches(self) -> None:
        found, batched = binder(t=(2,), a=()).theta({"t": [[1, 2], [3, 4], [5, 6]], "a": 9})
        assert batched
        assert found.tolist() == [[1, 2, 9], [3, 4, 9], [5, 6, 9]]
        found, batched = binder(t=(2,), a=()).theta(
            {
                "t": [1, 2],
                "a": [7, 8],
            }
        )
        assert found.tolist() == [[1, 2, 7], [1, 2, 8]]
        found, batched = binder(t=(2,)).theta({"t": np.zeros((0, 2))})
        assert (found.shape, batched) == ((0, 2), True)
        found, _ = binder(t=(2,)).theta({"t[0]": [1, 2], "t[1]": 3})
        assert found.tolist() == [[1, 3], [2, 3]]

    def test_a_batch_of_one_is_a_batch(self) -> None:
        assert binder(a=()).theta({"a": [1.0]})[1]
        assert not binder(a=()).theta({"a": np.float64(1.0)})[1]

    def test_dictionaries(self) -> None:
        assert binder(d=(2,)).theta({"d": {(1, 2): 2, (0, 1): 1}})[0].tolist() == [[1, 2]]
        assert binder(d=(2,)).theta({"d": {(1, 2): [2, 3], (0, 1): 1}})[0].tolist() == [[1, 2], [1, 3]]
        assert binder(d=(2,)).theta({"d": [1, 2]})[0].tolist() == [[1, 2]]
        assert binder(d=(2,)).theta({"d[(0, 1)]": 1, "d[(1, 2)]": 2})[0].tolist() == [[1, 2]]
        with pytest.raises(UnknownBindingError, match=r"no key `\(5, 6\)`"):
            binder(d=(2,)).theta({"d": {(0, 1): 1, (1, 2): 1, (5, 6): 1}})
        with pytest.raises(EntrypointValidationError, match=r"key `\(1, 2\)`"):
            binder(d=(2,)).theta({"d": {(0, 1): 1}})
        with pytest.raises(BindingShapeError, match="different shapes"):
            binder(d=(2,)).theta({"d": {(0, 1): [1, 2], (1, 2): [1, 2, 3]}})

    def test_tensors(self) -> None:
        import torch

        values = torch.arange(4, dtype=torch.float32).reshape(2, 2).requires_grad_()
        assert binder(t=(2,)).theta({"t": values})[0].tolist() == [[0, 1], [2, 3]]
        assert binder(t=(2,)).theta({"t": list(values[0])})[0].tolist() == [[0, 1]]

    def test_a_parameter_of_which_nothing_is_used(self) -> None:
        found, batched = binder(t=(0,), a=()).theta({"t": [], "a": 1.0})
        assert (found.tolist(), batched) == ([[1.0]], False)
        assert binder(t=(0,), a=()).theta({"a": 1.0})[0].tolist() == [[1.0]]

    @pytest.mark.parametrize(
        ("values", "error", "text"),
        [
            ({}, EntrypointValidationError, "needs a value for `t`"),
            ({"t": [1, 2]}, EntrypointValidationError, "needs a value for `a`"),
            ({"t[0]": 1, "a": 1}, EntrypointValidationError, r"needs a value for `t\[1\]`"),
            ({"t": [1, 2], "a": 1, "b": 1}, UnknownBindingError, "no open parameter `b`"),
            ({"t": [1, 2], "A": 1}, UnknownBindingError, "`ansatz` has no open parameter `A`"),
            ({"t": [1, 2], "a": 1, "fixed": 1}, UnknownBindingError, "`fixed` was fixed when `ansatz` was compiled"),
            ({"t": [1, 2], "a": 1, "t[0]": 1}, ConflictingBindingError, "given twice"),
            ({"t": [1, 2, 3], "a": 1}, BindingShapeError, "`t` has length 2, and 3 values were given"),
            ({"t": 1.0, "a": 1}, BindingShapeError, r"`t` has the wrong shape: \(\)"),
            ({"t": np.zeros((1, 1, 2)), "a": 1}, BindingShapeError, "wrong shape"),
            ({"t": np.zeros((2, 1)), "a": 1}, BindingShapeError, r"wrong shape: \(2, 1\)"),
            ({"t[2]": 1, "a": 1}, BindingShapeError, r"`t\[2\]` does not exist in this circuit: its shape is \(2,\)"),
            ({"t": [1, 2], "a[0]": 1}, BindingShapeError, "it is one number"),
            ({"t": np.zeros((3, 2)), "a": [1, 2]}, BindingShapeError, "`t` has 3 samples, and `a` has 2"),
            ({"t": [[1, 2], [3]], "a": 1}, BindingShapeError, "different lengths"),
            ({"t": [1, np.nan], "a": 1}, NotFiniteError, r"`t\[1\]` is nan"),
            ({"t": [1, 2], "a": [1, np.inf]}, NotFiniteError, "`a` is inf in sample 1"),
            ({"t": [1, 2], "a": True}, BindingTypeError, "`a` is of type Float"),
            ({"t": [True, 2], "a": 1}, BindingTypeError, "`t`"),
            ({"t": ["x", "y"], "a": 1}, BindingTypeError, "`t`"),
            ({"t": None, "a": 1}, BindingTypeError, "`t`"),
            ({"t": [1j, 2], "a": 1}, BindingTypeError, "`t`"),
        ],
    )
    def test_what_is_refused(self, values: dict[str, Any], error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text) as caught:
            binder(t=(2,), a=()).theta(values)
        assert isinstance(caught.value, ValidationError)

    def test_whole_numbers(self) -> None:
        assert binder(n=()).theta({"n": 3})[0].tolist() == [[3.0]]
        with pytest.raises(BindingTypeError, match="UInt"):
            binder(n=()).theta({"n": 3.0})
        with pytest.raises(BindingTypeError, match="UInt"):
            binder(n=()).theta({"n": np.array([1.0, 2.0])})

    def test_the_values_given_are_left_alone(self) -> None:
        values = np.ones((2, 2))
        found, _ = binder(t=(2,)).theta({"t": values})
        found[:] = 5
        assert values.tolist() == [[1, 1], [1, 1]]

    @given(st.integers(0, 4), st.integers(0, 3), st.lists(st.booleans(), min_size=3, max_size=3))
    def test_columns_are_the_arguments_laid_end_to_end(self, length: int, batch: int, which: list[bool]) -> None:
        places = binder(v=(length,), a=(), m=(2, length))
        generator = np.random.default_rng(length + 7 * batch)
        shapes = {"v": (length,), "a": (), "m": (2, length)}
        values = {
            name: generator.normal(size=(batch, *shape) if has else shape)
            for (name, shape), has in zip(shapes.items(), which, strict=True)
        }
        found, batched = theta(places.parameters, values)
        assert batched == any(which)
        rows = [
            np.concatenate([np.ravel(value[row] if has else value) for value, has in zip(values.values(), which, strict=True)])
            for row in range(batch if batched else 1)
        ]
        assert np.array_equal(found, np.array(rows).reshape(len(rows), places.width))
