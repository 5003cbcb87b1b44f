"""What can be done with a kernel and with what it compiles to: the same verbs, with the same options and plain results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from qkernel.derivatives import Derivatives
from qkernel.engine import load_target
from qkernel.execution.explanation import explain
from qkernel.execution.jobs import DIFFERENTIATES, Job, Request, submitted
from qkernel.execution.results import EstimatedValue, SampleResult
from qkernel.execution.shots import ShotPlan
from qkernel.execution.stochastic import Rule
from qkernel.ir.files import save
from qkernel.lower import lower
from qkernel.lower.bindings import Bound, given, normalise
from qkernel.lower.circuit import Circuit
from qkernel.lower.lengths import Lengths, given_lengths
from qkernel.verb import Array, Given, Values, Wrt, verb

if TYPE_CHECKING:
    from qkernel.estimate import ResourceEstimate


class Verbs(Derivatives):
    """The verbs. Arguments of the kernel are given by place, by keyword or in `bindings`; options by keyword or in `options`.

    Where an argument has the name of an option, that keyword is refused, and `bindings` and `options` tell them apart.
    Float arguments may carry a batch as one extra leading axis, which the results then have first.

    `engine` is the name of an engine, an engine, and with Qiskit installed a backend or a V2 primitive. `shots` estimates
    from that many shots for each measurement basis, or as a `qk.ShotPlan` deals them out; without it values are exact. A
    `seed` makes sampling reproducible. `gradient` is `auto` (adjoint where the engine has it, and without shots; else
    shift), `adjoint`, `shift` (parameter shift), or at random, by few evaluations: `spsa`, `random_shift`,
    `simultaneous_shift`, or a `qk.SPSA(...)`, `qk.RandomShift(...)`, `qk.SimultaneousShift(...)`.
    """

    # running ----------------------------------------------------------------------------------------------------------

    @verb
    def run(
        self,
        /,
        *arguments: Any,
        shots: int | ShotPlan | None = None,
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
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> EstimatedValue:
        """An estimate from `shots` shots (default 1024), its standard error, and the number of shots, as a named tuple.

        The standard error has the shape of the value. It is that of the sample: for computed results to first order. Its
        `metadata` tells the measurement bases with their shots, and the jobs. An estimator primitive's own errors are kept.
        Raises what `run` raises, and `ShotsError` for a single shot, which tells nothing of its spread.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
        return executable._estimate(given, executable._on(engine, shots, seed))

    @verb
    def sample(
        self,
        /,
        *arguments: Any,
        shots: int | ShotPlan | None = None,
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

    @verb
    def submit(
        self,
        /,
        *arguments: Any,
        verb: str | None = None,
        wrt: Wrt = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule | None = None,
        retries: int = 5,
        backoff: float = 1.0,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> Job[Any]:
        """A job that does what `verb` does, and goes on while the program does something else: see `qkernel.Job`.

        `verb` is `sample`, the default where the kernel returns bits, `run`, the default elsewhere, `run_with_errors`, `grad`,
        `value_and_grad` or `jacobian`. Here it runs in a thread; at a provider it waits in the queue, and `submit` comes
        back when it is sent. A lost connection is tried again `retries` times in a row, after `backoff` seconds, then twice
        as many, four times as many, at most 60.
        Raises the errors of the verb that are known at once, `ValidationError` for a verb that no job does.
        """
        if verb in DIFFERENTIATES:
            executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        else:
            executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
            names = None
        verb = verb or ("sample" if executable._returns_bits else "run")
        if verb == "run" and shots is not None:
            executable._refuse_shots_of_bits()
        return submitted(
            Request(verb, executable, given, names, executable._on(engine, shots, seed, gradient)), retries, backoff
        )

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
        bindings: Given = None,
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
    def verify_resources(self, /, bindings: Given = None, *, options: Given = None, **values: Any) -> None:
        """Check that closed form, lowered circuit and Qiskit circuit count the same at these sizes; needs Qiskit.

        Raises `EstimateMismatchError` with the differences.
        """
        from qkernel.verification import verify

        verify(self.ir, self._known(bindings, values), load_target("qiskit"))

    @verb
    def to_circuit(
        self,
        /,
        bindings: Given = None,
        *,
        package: str = "qiskit",
        parameters: Iterable[str] | None = None,
        lengths: Given = None,
        options: Given = None,
        **values: Any,
    ) -> Any:
        """The concrete circuit in another package, gate by gate as written; needs that package.

        `package` is `qiskit`, `cirq`, `tket`, `stim`, or `pennylane`, where the circuit is a quantum function. Arguments that
        are not given, and those in `parameters`, stay open as parameters there; the value of a register that the kernel takes
        is its length; `lengths` gives shapes of open arrays, and the keys of open dictionaries.
        Raises `TargetCapabilityError` for what the package cannot express.
        """
        bound = normalise(self.ir.entry, self._known(bindings, values), self._fields(parameters), takes_qubits=True)
        return load_target(package)(self._circuit_of(bound, lengths))

    @verb
    def to_qasm(
        self,
        /,
        bindings: Given = None,
        *,
        flat: bool = False,
        version: int = 3,
        parameters: Iterable[str] | None = None,
        lengths: Given = None,
        options: Given = None,
        **values: Any,
    ) -> str:
        """OpenQASM text of the kernel at the sizes that `values` give it; open parameters are its inputs.

        The value of a register that the kernel takes is its length. Loops, branches and kernels stay what they are: `for`,
        `if`, `while`, `def`, `gate`. With `flat` it is the circuit, gate by gate, which more readers take; with `version=2`
        that in OpenQASM 2, which has no open parameters, by Qiskit. Expectation values and probabilities, which OpenQASM has
        no words for, stand in comments.
        Raises `TargetCapabilityError` for what OpenQASM cannot express, and the errors of binding and lowering.
        """
        from qkernel.openqasm import structured_text, text_of_version

        bound = normalise(self.ir.entry, self._known(bindings, values), self._fields(parameters), takes_qubits=True)
        circuit = self._circuit_of(bound, lengths)
        return text_of_version(circuit, version) if flat or version != 3 else structured_text(self.ir, bound.values, circuit)

    def _circuit_of(self, bound: Bound, lengths: Given) -> Circuit:
        known = Lengths({**self._shapes, **given_lengths(self.ir.entry, lengths)})
        return lower(self.ir, bound.values, bound.open, known)

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
        shots: int | ShotPlan | None = None,
        gradient: str | Rule | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> str:
        """What would run for `batch` samples: the circuit's size, the engine, how derivatives are computed, and the plan.

        With `shots` it tells, before anything runs, how many circuits and shots values and gradients take, and how long a
        machine is busy with them, where it tells how long its gates and the delay between shots last.
        """
        executable, given = self._ready(self._detached(arguments, bindings, values), (), len(arguments))
        return explain(
            executable.circuit, executable._on(engine, shots, None, gradient), batch, executable._open_columns(given)
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the text form to a file (`.qk`); `qkernel.load` reads it back."""
        save(self.ir, path)
