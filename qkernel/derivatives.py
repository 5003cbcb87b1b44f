"""The verbs that differentiate."""

from __future__ import annotations

from typing import Any

from qkernel.execution.shots import ShotPlan
from qkernel.execution.stochastic import Rule
from qkernel.verb import Given, Runnable, Subject, Values, Wrt, verb


class Derivatives(Subject):
    """Verbs for derivatives: see `qkernel.verbs.Verbs` for their options."""

    @verb
    def grad(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule | None = None,
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
        return self._value_and_grad(arguments, wrt, (engine, shots, seed, gradient), bindings, values)[1]

    @verb
    def value_and_grad(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """The returned number, shape () or (batch,), and its gradient as `grad` gives it."""
        return self._value_and_grad(arguments, wrt, (engine, shots, seed, gradient), bindings, values)

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
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule | None = None,
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
        return executable._jacobian(given, names, executable._on(engine, shots, seed, gradient))

    @verb
    def hessian(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> dict[str, dict[str, Any]]:
        """Second derivatives of all returned numbers: `{a: {b: array}}`, arrays (outputs..., shape of a, shape of b).

        Where the engine has the adjoint method they are exact, by differentiating twice through the torch engine (needs
        torch). Elsewhere, and from `shots`, every pair of shifts is evaluated, all in one job: about twice the square of the
        number of angles. Otherwise as `jacobian`.
        """
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._hessian(given, names, executable._on(engine, shots, seed))

    @verb
    def metric(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        kind: str = "block_diagonal",
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        engine: Any = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> dict[str, dict[str, Any]]:
        """The Fubini-Study metric of the state by Float arguments: `{a: {b: array}}`, arrays (shape of a, shape of b).

        `block_diagonal` leaves out what angles of different layers have in common: it takes covariances of the gates'
        generators before each layer, on any engine, exactly or from `shots`. `full` takes states. A batch comes first.
        Raises `GradientError` for a kernel that measures, `ValidationError` for another `kind`, and `TargetCapabilityError` for
        the full metric on an engine without states.
        """
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._metric(given, names, kind, executable._on(engine, shots, seed))

    @verb
    def natural_grad(
        self,
        /,
        *arguments: Any,
        wrt: Wrt = None,
        kind: str = "block_diagonal",
        damping: float = 0.0,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        engine: Any = None,
        gradient: str | Rule | None = None,
        bindings: Given = None,
        options: Given = None,
        **values: Any,
    ) -> dict[str, Any]:
        """The gradient, as `grad` gives it, times the inverse of the `metric` of this `kind` plus `damping` times the identity.

        The direction of steepest descent among states (Stokes et al. 2020, Quantum 4, 269). Where arguments move the state
        alike, of the directions that do the same the shortest; from shots give some `damping`, such as 0.01.
        """
        executable, given, names = self._differentiable(arguments, wrt, bindings, values)
        return executable._natural_gradient(given, names, kind, damping, executable._on(engine, shots, seed, gradient))

    def _differentiable(
        self, arguments: tuple[Any, ...], wrt: Wrt, bindings: Given, keywords: Values
    ) -> tuple[Runnable, Values, tuple[str, ...] | None]:
        values, names = self._values(arguments, bindings, keywords), self._derivable(wrt)
        executable, given = self._ready(values, tuple(values) if names is None else names, len(arguments))
        return executable, given, names
