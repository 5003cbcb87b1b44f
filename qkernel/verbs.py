"""What can be done with a kernel and with what it compiles to: the same verbs, with the same options and plain results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.engine import load_target
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.executor import Executor
from qkernel.explanation import explain
from qkernel.ir.files import save
from qkernel.ir.module import Module
from qkernel.lower import lower
from qkernel.lower.bindings import given, normalise, refuse_graph
from qkernel.lower.circuit import Circuit
from qkernel.lower.lengths import Lengths, given_lengths
from qkernel.results import EstimatedValue, SampleResult

if TYPE_CHECKING:
    from qkernel.estimate import ResourceEstimate

Array = np.ndarray[Any, Any]
Values = dict[str, Any]
Given = Mapping[str, Any] | None
Wrt = Iterable[str] | str | None
F = TypeVar("F", bound=Callable[..., Any])

DIRECT = frozenset(("bindings", "options"))
"""The keywords through which any argument and any option can be given; no argument of a kernel has these names."""


_all_options: set[str] = set()
"""The options of all verbs: a keyword of such a name is no misspelt argument."""


def verb(method: F) -> F:
    """`method` with `options`, and refusing a keyword that is both one of its options and an argument of the kernel."""
    names = frozenset(method.__kwdefaults__ or ()) - DIRECT
    _all_options.update(names)

    @wraps(method)
    def called(self: Any, /, *arguments: Any, **keywords: Any) -> Any:
        options = keywords.pop("options", None) or {}
        self, arguments, keywords = self._bound(arguments, keywords)
        own = self._argument_names
        if (clashing := names & own) and (both := sorted(clashing & keywords.keys())):
            raise CallArgumentError(
                f"`{both[0]}` is an argument of `{self.name}` and an option of `{method.__name__}`",
                help=f'write `bindings={{"{both[0]}": ...}}` for the argument, `options={{"{both[0]}": ...}}` for the option',
            )
        if options:
            _check_options(method.__name__, names, options, keywords)
        for name in keywords.keys() - names - DIRECT - own:
            if name in _all_options:
                raise _no_option(method.__name__, name, names)
            if name.isidentifier() and (meant := did_you_mean(name, sorted(names - own))):
                raise CallArgumentError(
                    f"`{self.name}` has no argument `{name}`, nor has `{method.__name__}` such an option{meant}",
                )
        return method(self, *arguments, **keywords, **options)

    return cast("F", called)


def _check_options(name: str, names: frozenset[str], options: Any, keywords: Mapping[str, Any]) -> None:
    if not isinstance(options, Mapping):
        raise KernelTypeError(f"`options` is a dictionary from names to values, not `{options!r}`")
    for option in options:
        if option not in names:
            raise _no_option(name, option, names)
        if option in keywords:
            raise CallArgumentError(f"the option `{option}` of `{name}` is given twice")


def _no_option(verb: str, option: object, names: frozenset[str]) -> CallArgumentError:
    return CallArgumentError(
        f"`{verb}` has no option `{option}`{did_you_mean(str(option), sorted(names))}",
        help=f"its options are {', '.join(f'`{entry}`' for entry in sorted(names))}",
    )


class Runnable(Protocol):
    """A circuit that is ready to run; `values` are those of its open parameters, by name."""

    circuit: Circuit

    def _on(self, engine: Any = None, shots: int | None = None, seed: int | None = None) -> Executor: ...
    def _open_columns(self, values: Values) -> list[int]: ...
    def _refuse_shots_of_bits(self) -> None: ...
    def _evaluate(self, values: Values, chosen: Executor) -> Any: ...
    def _estimate(self, values: Values, chosen: Executor) -> EstimatedValue: ...
    def _sample(self, values: Values, chosen: Executor) -> Any: ...
    def _gradient(self, values: Values, wrt: tuple[str, ...] | None, chosen: Executor) -> tuple[Any, Values]: ...
    def _jacobian(self, values: Values, wrt: tuple[str, ...] | None, chosen: Executor) -> Values: ...
    def _hessian(self, values: Values, wrt: tuple[str, ...] | None) -> dict[str, Values]: ...
    def _state(self, values: Values, chosen: Executor) -> Array: ...
    def _matrix(self, values: Values, chosen: Executor) -> Array: ...


class Verbs:
    """The verbs. Arguments of the kernel are given by place, by keyword or in `bindings`; options by keyword or in `options`.

    Where an argument has the name of an option, that keyword is refused, and `bindings` and `options` tell them apart.
    Float arguments may carry a batch as one extra leading axis, which the results then have first.

    `engine` is the name of an engine, an engine, and with Qiskit installed a backend or a V2 primitive. `shots` estimates
    from that many shots for each measurement basis; without it values are exact. A `seed` makes sampling reproducible.
    """

    name: str
    _argument_names: frozenset[str]

    @property
    def ir(self) -> Module:
        """The kernel and every kernel that it reaches, as IR."""
        raise NotImplementedError

    def _values(self, arguments: tuple[Any, ...], bindings: Given, keywords: Values) -> Values:
        """All that was given, by the names of the kernel's arguments."""
        raise NotImplementedError

    def _bound(self, arguments: tuple[Any, ...], keywords: Values) -> tuple[Any, tuple[Any, ...], Values]:
        """What has the verbs once kernels among its arguments are known, and the other arguments."""
        return self, arguments, keywords

    def _ready(
        self, values: Values, wrt: tuple[str, ...] = (), positional: int = 0, takes_qubits: bool = False
    ) -> tuple[Runnable, Values]:
        """What runs, and the values of its open parameters among `values`; `wrt` are to be open."""
        raise NotImplementedError

    def _fields(self, names: Iterable[str] | str | None) -> tuple[str, ...] | None:
        """Names of arguments as the IR has them: a record's as those of its fields."""
        raise NotImplementedError

    def _derivable(self, wrt: Wrt) -> tuple[str, ...] | None:
        """As `_fields`; of a record those fields alone that there are derivatives by."""
        raise NotImplementedError

    # running ----------------------------------------------------------------------------------------------------------

    @verb
    def run(
        self,
        /,
        *arguments: Any,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> Any:
        """What the kernel returns: a float, an array for a `Vector[Float]`, a tuple where it returns one.

        Exact on the built-in engine unless asked otherwise; with `shots`, expectation values and probabilities are
        estimated. A kernel that returns bits runs for one shot, the same one for the same `seed`, and takes no `shots`. In a
        kernel's `run` an array has the shape that the circuit uses: more elements than that are an error, unless the
        kernel asks for the array's length.
        Raises the binding errors (QK3xx), `TargetCapabilityError` for what the engine lacks, `ExecutionError` for `shots`
        of a kernel that returns bits and for a kernel that returns nothing.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
        if shots is not None:
            executable._refuse_shots_of_bits()
        return executable._evaluate(given, executable._on(engine, shots, seed))

    @verb
    def run_with_errors(
        self,
        /,
        *arguments: Any,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> EstimatedValue:
        """An estimate from `shots` shots (default 1024), its standard error, and the number of shots, as a named tuple.

        The standard error has the shape of the value. It is that of the sample: for computed results to first order.
        Raises what `run` raises, and `ShotsError` for a single shot, which tells nothing of its spread.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
        return executable._estimate(given, executable._on(engine, shots, seed))

    @verb
    def sample(
        self,
        /,
        *arguments: Any,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> SampleResult[Any]:
        """Run the kernel `shots` times (default 1024) and count what it returns; a batch gives a list of results.

        Raises `ShotsError` for a bad number of shots, `ExecutionError` for a kernel that returns no measured bits.
        """
        executable, given = self._ready(self._values(arguments, bindings, values), (), len(arguments))
        result: SampleResult[Any] = executable._sample(given, executable._on(engine, shots, seed))
        return result

    def _detached(self, arguments: tuple[Any, ...], bindings: Given, keywords: Values) -> Values:
        """`_values`, refused where autograd follows one of them."""
        values = self._values(arguments, bindings, keywords)
        refuse_graph(self.name, values)
        return values

    # derivatives --------------------------------------------------------------------------------------------------------

    @verb
    def grad(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> dict[str, Any]:
        """The gradient of the returned number by Float arguments, by name, each in the argument's shape.

        `wrt` names the arguments (default: all Floats). A dictionary's gradient is a dictionary. Exact, and by the adjoint
        method where the engine has it, else by parameter shift; with `shots` by parameter shift on estimates.
        Raises `GradientError` for a kernel that returns anything but one Float, where no Float is given, and where a Float
        decides about the circuit's shape.
        """
        return self._value_and_grad(arguments, wrt, (engine, shots, seed), bindings, values)[1]

    @verb
    def value_and_grad(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """The returned number, shape () or (batch,), and its gradient as `grad` gives it."""
        return self._value_and_grad(arguments, wrt, (engine, shots, seed), bindings, values)

    def _value_and_grad(
        self, arguments: tuple[Any, ...], wrt: Wrt, on: tuple[Any, ...], bindings: Given, values: Values
    ) -> tuple[Any, dict[str, Any]]:
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._gradient(given, names, executable._on(*on))

    @verb
    def jacobian(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> dict[str, Any]:
        """Derivatives of all returned numbers: for each argument of `wrt` an array (outputs..., its shape).

        `outputs...` is empty for one Float, the length of a vector, or the number of a tuple's numbers laid end to end;
        a batch comes first. Otherwise as `grad`.
        """
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._jacobian(given, names, executable._on(engine, shots, seed))

    @verb
    def hessian(
        self, /, *arguments: Any, wrt: Wrt = None, bindings: Given = None, options: Given = None, **values: Any
    ) -> dict[str, dict[str, Any]]:
        """Second derivatives of all returned numbers: `{a: {b: array}}`, arrays (outputs..., shape of a, shape of b).

        Exact, by differentiating twice through the torch engine; needs torch. Otherwise as `jacobian`.
        Raises `GradientError` where the torch engine does not reach the kernel.
        """
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._hessian(given, names)

    def _differentiable(
        self, arguments: tuple[Any, ...], wrt: Wrt, bindings: Given, keywords: Values
    ) -> tuple[Runnable, Values, tuple[str, ...] | None]:
        values, names = self._values(arguments, bindings, keywords), self._derivable(wrt)
        executable, given = self._ready(values, tuple(values) if names is None else names, len(arguments))
        return executable, given, names

    # states -------------------------------------------------------------------------------------------------------------

    @verb
    def statevector(
        self, /, *arguments: Any, engine: Any = None, bindings: Given = None, options: Given = None, **values: Any
    ) -> Array:
        """The final amplitudes, complex, shape (2**qubits,), or (batch, 2**qubits).

        The returned qubits come first, in the order of the return, the first the least significant; then all others in the
        order in which they were made, but for clean ancillas, which are left out. What reads a state out does not change it.
        Qubits that the kernel takes begin in 0; a register's length is its value (`kernel.statevector(q=3)`).
        Raises `ExecutionError` for a kernel that measures or resets, and where an ancilla is not back in 0.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments), takes_qubits=True)
        return executable._state(given, executable._on(engine))

    @verb
    def unitary(
        self, /, *arguments: Any, engine: Any = None, bindings: Given = None, options: Given = None, **values: Any
    ) -> Array:
        """The matrix of the kernel, complex, shape (rows, columns), or (batch, rows, columns).

        Columns count the qubits that the kernel takes, in order, the first the least significant; a register's length is its
        value (`kernel.unitary(q=3)`), a single qubit has none. Rows count the qubits of `statevector`: where the kernel
        makes qubits of its own and keeps them the matrix is an isometry. Computed as the state of twice as many qubits.
        Raises what `statevector` raises.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments), takes_qubits=True)
        return executable._matrix(given, executable._on(engine))

    # tools --------------------------------------------------------------------------------------------------------------

    @property
    def _fixed(self) -> Values:
        """The arguments that have their values already."""
        return {}

    def _known(self, bindings: Given, keywords: Values) -> Values:
        """The arguments that a tool is told, those of before included."""
        return {**self._fixed, **given(bindings), **given(keywords)}

    @verb
    def draw(
        self,
        /,
        *,
        output: str = "mpl",
        inline: bool = False,
        inline_depth: int | None = None,
        fold_loops: bool = True,
        expand_composite: bool = False,
        lowered: bool = False,
        target: Any = None,
        style: Any = None,
        max_gates: int = 1000,
        width: float | None = None,
        ascii: bool = False,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> Any:
        """A drawing: a matplotlib `Figure` (`output="mpl"`), or `"text"`, `"svg"`, `"html"` as a string.

        `values` bind arguments; what is not bound stays symbolic. Loops are folded unless `fold_loops=False`; calls are
        boxes unless `inline=True`, or opened down to `inline_depth`; `expand_composite` opens composite gates too.
        `lowered=True` draws the concrete circuit, `target=` (a Qiskit backend, a `Target` or a list of basis gates) that
        circuit after Qiskit's transpiler. `style` is a `CircuitStyle` or a name of one; `width` is that of a line before
        it wraps (columns of text, inches, pixels), and `ascii` keeps text to plain characters.
        Raises `SizeError` where more than `max_gates` boxes would be drawn, `ValidationError` for an unknown output or style.
        """
        from qkernel.draw import draw

        place = None
        if target is not None:
            placement = load_target("placement")

            def place(circuit: Any) -> Any:
                return placement(circuit, target)

        return draw(
            self.ir,
            self._known(bindings, values),
            output=output,
            inline=inline,
            inline_depth=inline_depth,
            fold_loops=fold_loops,
            expand_composite=expand_composite,
            lowered=lowered,
            place=place,
            style=style,
            max_gates=max_gates,
            width=width,
            ascii=ascii,
        )

    @verb
    def estimate_resources(
        self,
        /,
        bindings: Given = None,
        *,
        basis: Any = "native",
        precision: float = 1e-10,
        parameters: Sequence[str] = (),
        unknown: str = "symbolic",
        options: Given = None,
        **values: Any,
    ) -> ResourceEstimate:
        """Counts of qubits, gates and measurements, in closed form where arguments are not bound.

        `basis`: the gates as written, `clifford_t` (each rotation synthesised to `precision`, in diamond norm), or the names
        of a target's gates. An argument with a default has it unless its name is in `parameters`. What an oracle or an
        unbound observable costs is a symbol, or with `unknown="refuse"` an error.
        """
        from qkernel.estimate import estimate

        known = self._known(bindings, values)
        return estimate(self.ir, known, basis=basis, precision=precision, parameters=parameters, unknown=unknown)

    @verb
    def verify_resources(self, /, *, bindings: Given = None, options: Given = None, **values: Any) -> None:
        """Check that closed form, lowered circuit and Qiskit circuit count the same at these sizes; needs Qiskit.

        Raises `EstimateMismatchError` with the differences.
        """
        from qkernel.verification import verify

        verify(self.ir, self._known(bindings, values), load_target("qiskit"))

    @verb
    def to_circuit(
        self,
        /,
        *,
        parameters: Iterable[str] | None = None,
        lengths: Given = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> Any:
        """The concrete circuit in Qiskit, gate by gate as written; needs Qiskit.

        Arguments that are not given, and those in `parameters`, stay open as Qiskit parameters; `lengths` gives shapes of
        open arrays, and the keys of open dictionaries. Raises `TargetCapabilityError` for what Qiskit cannot express.
        """
        return load_target("qiskit")(self._concrete(self._known(bindings, values), parameters, lengths))

    @verb
    def to_qasm(
        self,
        /,
        *,
        parameters: Iterable[str] | None = None,
        lengths: Given = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> str:
        """OpenQASM 3 text of the circuit that `to_circuit` gives; open parameters are its inputs. Needs Qiskit."""
        text: str = load_target("openqasm")(self._concrete(self._known(bindings, values), parameters, lengths))
        return text

    def _concrete(self, values: Values, parameters: Iterable[str] | None, lengths: Given) -> Circuit:
        """The circuit with `values` fixed."""
        entry = self.ir.entry
        bound = normalise(entry, values, self._fields(parameters))
        return lower(self.ir, bound.values, bound.open, Lengths({**self._shapes, **given_lengths(entry, lengths)}))

    @property
    def _shapes(self) -> dict[str, tuple[Any, ...]]:
        """What is known of the shapes and keys of open arguments."""
        return {}

    @verb
    def explain(
        self,
        /,
        *arguments: Any,
        batch: int = 1,
        shots: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> str:
        """What would run for `batch` samples: the circuit's size, the engine, how derivatives are computed, and the plan."""
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
        return explain(executable.circuit, executable._on(engine, shots), batch, executable._open_columns(given))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the text form to a file (`.qk`); `qkernel.load` reads it back."""
        save(self.ir, path)
