"""Layers as their users write them: roles by name, what is read out, what is done with it. Numbers are rows of the seeds."""

from __future__ import annotations

import copy
import pickle
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import SparsePauliOp
from torch import Tensor, nn

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    EntrypointValidationError,
    GradientError,
    LayerInputError,
    ObservableError,
    QKernelError,
    ShotsError,
    ValidationError,
)
from qkernel.nn import QLayer
from qkernel.nn.outputs import ComputedOutputs


@qk.qkernel
def encoded(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(2)
    q = qk.ry(q, input_vec)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.ry(q, weight)


@qk.qkernel
def measured(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    return qk.measure(encoded(input_vec, weight))


@qk.qkernel
def read(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    return qk.expval(encoded(input_vec, weight), h)


@qk.qkernel
def outcomes(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.probabilities(encoded(input_vec, weight))


@qk.qkernel
def one_qubit(input_0: qk.Float, weight_0: qk.Float) -> qk.Qubit:
    return qk.rx(qk.rx(qk.qubit(), input_0), weight_0)


@qk.qkernel
def idle(i_x: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2)
    return qk.probabilities(q)


X = torch.tensor([[0.3, 1.1], [2.0, -0.4], [0.0, 0.7]], dtype=torch.float64)
W = torch.tensor([0.4, -1.2], dtype=torch.float64)


def layer(kernel: Any, bindings: Any = None, **options: Any) -> QLayer:
    return QLayer(kernel, bindings, inputs=["input_vec"], weights={"weight": W}, **options).double()


PROBABILITIES = layer(outcomes)(X).detach()
SIGNS = torch.tensor([[1, -1, 1, -1], [1, 1, -1, -1]]).double()


@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 4, 2), (2, 0, 2)], ids=["C1", "C1-B", "C1-B-T", "C1-empty"])
def test_c1_leading_axes_are_those_of_the_flattened_loop(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, dtype=torch.float64)
    net = layer(read, {"h": [qko.Z(0), qko.X(1)]})
    each = [net(row) for row in x.reshape(-1, 2)]
    torch.testing.assert_close(
        net(x), torch.stack(each).reshape(*shape[:-1], 2) if each else torch.zeros(*shape[:-1], 2).double()
    )


def test_c2_the_layer_gives_what_post_process_gives() -> None:
    seen: list[Tensor] = []

    def chosen(values: Tensor) -> Tensor:
        seen.append(values)
        return values.new_tensor([3.0, 1.0, 4.0])

    assert torch.equal(QLayer(idle, inputs=["i_x"], post_process=chosen)(torch.zeros(())), torch.tensor([3.0, 1.0, 4.0]))
    assert torch.equal(seen[0], torch.tensor([1.0, 0, 0, 0]))


def test_c2_post_process_is_differentiated() -> None:
    net = layer(outcomes, post_process=lambda p: p.clamp(1e-9).log() @ SIGNS.T)
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(net, (x,))
    plain = layer(outcomes)
    for found in (net, copy.deepcopy(net)):
        torch.testing.assert_close(found(X), plain(X).log() @ SIGNS.T)
        torch.testing.assert_close(found.weight.grad, None)
        found(X).sum().backward()
        (plain(X).log() @ SIGNS.T).sum().backward()
        torch.testing.assert_close(found.weight.grad, plain.weight.grad)
        found.zero_grad()
        plain.zero_grad()


def test_c2_a_module_after_the_values_is_trained_with_them() -> None:
    net = layer(outcomes, post_process=nn.Linear(4, 3, dtype=torch.float64))
    assert sorted(name for name, _ in net.named_parameters()) == ["post_process.bias", "post_process.weight", "weight"]
    again = pickle.loads(pickle.dumps(net))
    torch.testing.assert_close(again(X), net(X))


@pytest.mark.parametrize(
    ("readout", "known"),
    [
        ("probabilities", PROBABILITIES),
        ("p0", PROBABILITIES[:, :1]),
        ("z", PROBABILITIES @ SIGNS.T),
        (qko.Z(0) * qko.Z(1), PROBABILITIES @ SIGNS.T.prod(1, keepdim=True)),
        ("ZZ", PROBABILITIES @ SIGNS.T.prod(1, keepdim=True)),
        (["IZ", "0.5*Z1"], PROBABILITIES @ (SIGNS.T * torch.tensor([1, 0.5]).double())),
    ],
    ids=["C4", "C3", "z", "observable", "word", "list"],
)
@pytest.mark.parametrize("kernel", [encoded, measured], ids=["qubits", "bits"])
def test_c3_c4_readouts_of_a_kernel_without_numbers(kernel: Any, readout: Any, known: Tensor) -> None:
    net = layer(kernel, readout=readout)
    torch.testing.assert_close(net(X), known)
    assert net._wiring.program.method == "adjoint"
    assert torch.autograd.gradcheck(net, (X.clone().requires_grad_(),))
    sampled = layer(kernel, readout=readout, shots=20_000, seed=3)(X)
    torch.testing.assert_close(sampled, known, rtol=0, atol=0.03)
    exported = torch.compile(net, backend="aot_eager")
    torch.testing.assert_close(exported(X), known)


@pytest.mark.parametrize(("name", "word"), [("x", "X"), ("y", "Y"), ("z", "Z")])
def test_a_pauli_of_each_qubit(name: str, word: str) -> None:
    by_word = layer(encoded, readout=[f"{word}0", f"{word}1"])
    torch.testing.assert_close(layer(encoded, readout=name)(X), by_word(X))


def test_c3_c4_counts_add_up_to_the_shots() -> None:
    counts = layer(encoded, readout="counts", shots=100, seed=1)(X)
    assert torch.equal(counts, counts.round())
    assert torch.equal(counts.sum(1), torch.full((3,), 100.0).double())
    ones = QLayer(one_qubit, readout="counts", shots=50)
    with torch.no_grad():
        ones.weight_0.fill_(torch.pi)
    assert ones(torch.zeros(())).tolist() == [0.0, 50.0]
    with pytest.raises(ShotsError, match="no shots to count"):
        layer(encoded, readout="counts")


@qk.qkernel
def many_names(
    input: qk.Float, i: qk.Float, input_data: qk.Float, i_0: qk.Float, weight: qk.Float, w: qk.Float, weight_a: qk.Float,
    w_1: qk.Float,
) -> qk.Float:  # fmt: skip
    q = qk.rx(qk.qubit(), input + i + input_data + i_0)
    return qk.expval(qk.ry(q, weight + w + weight_a + w_1), qko.Z(0))


@qk.qkernel
def another_name(input_0: qk.Float, angle: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), input_0 * angle), qko.Z(0))


@qk.qkernel
def no_arguments() -> qk.Float:
    return qk.expval(qk.h(qk.qubit()), qko.Z(0))


@qk.qkernel
def with_defaults(input_0: qk.Float, weight_0: qk.Float = 0.3, slope: qk.Float = 2.0, n: qk.UInt = 1) -> qk.Float:
    q = qk.qubit_array(n)
    q[0] = qk.ry(q[0], slope * input_0 + weight_0)
    return qk.expval(q, qko.Z(0))


def test_c5_names_tell_the_roles() -> None:
    net = QLayer(many_names)
    assert [place.name for place in net._inputs] == ["input", "i", "input_data", "i_0"]
    assert [name for name, _ in net.named_parameters()] == ["weight", "w", "weight_a", "w_1"]
    net = QLayer(with_defaults)
    assert [name for name, _ in net.named_parameters()] == ["weight_0"]
    torch.testing.assert_close(net(torch.tensor(0.2)), (0.4 + net.weight_0).cos()[None])


def test_c5_a_name_that_tells_no_role_is_an_error_that_lists_the_prefixes() -> None:
    with pytest.raises(EntrypointValidationError) as caught:
        QLayer(another_name)
    for part in ("`angle`", "`input_*`", "`i_*`", "`input`", "`i`", "`weight_*`", "`w_*`", "`weight`", "`w`", "bindings"):
        assert part in str(caught.value)
    assert QLayer(another_name, {"angle": 0.3})(torch.zeros(2)).shape == (2, 1)
    with pytest.raises(EntrypointValidationError, match="no argument that could be an input or a weight"):
        QLayer(no_arguments)
    assert QLayer(no_arguments, inputs=[])().shape == (1,)


def test_c6_c9_weights_are_parameters_and_inputs_get_gradients() -> None:
    torch.manual_seed(5)
    net = QLayer(read, {"h": "Z0*Z1"}).double()
    torch.manual_seed(5)
    assert torch.equal(QLayer(read, {"h": "ZZ"}).double().weight, net.weight)
    assert [(name, tuple(value.shape)) for name, value in net.named_parameters()] == [("weight", (2,))]
    assert isinstance(net.weight, nn.Parameter)
    x = X.clone().requires_grad_()
    net(x).sum().backward()
    assert x.grad is not None
    assert net.weight.grad is not None
    step = 1e-6
    for k in range(2):
        moved = [net.weight.detach() + sign * step * torch.eye(2).double()[k] for sign in (1, -1)]
        up, down = (torch.func.functional_call(net, {"weight": value}, (X,)).sum() for value in moved)
        assert ((up - down) / (2 * step)).item() == pytest.approx(net.weight.grad[k].item(), abs=1e-8)


def test_c7_a_network_of_the_guide() -> None:
    class MyNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear_1 = nn.Linear(4, 2)
            self.qlayer = QLayer(encoded, readout="p0")
            self.linear_2 = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear_2(self.qlayer(torch.tanh(self.linear_1(x))))

    net = MyNet()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    before = [value.clone() for value in net.parameters()]
    net(torch.rand(8, 4)).square().mean().backward()
    optimiser.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


@pytest.mark.parametrize("make", [
    lambda observables: layer(read, {"h": observables}, paired=True),
    lambda observables: layer(encoded, readout=observables, paired=True),
], ids=["bound", "readout"])  # fmt: skip
def test_c17_observables_are_paired_with_samples(make: Any) -> None:
    observables = ["ZZ", "X0 - 0.5*Z1", SparsePauliOp.from_list([("ZI", 2.0), ("YY", 0.5)])]
    net, every = make(observables), layer(read, {"h": observables})
    torch.testing.assert_close(net(X), every(X).diagonal()[:, None])
    assert torch.autograd.gradcheck(net, (X.clone().requires_grad_(),))
    for wrong in (X[:2], X[:1], X[0], torch.cat([X, X])):
        with pytest.raises(LayerInputError, match="samples are paired with 3 observables"):
            net(wrong)
    one = layer(read, {"h": "ZZ"})
    torch.testing.assert_close(one(X), every(X)[:, :1], msg="one observable is read of all samples")


def test_c17_there_must_be_observables_to_pair() -> None:
    with pytest.raises(ValidationError, match="pairs samples with a list of observables"):
        layer(read, {"h": "ZZ"}, paired=True)


@qk.qkernel
def real_amplitudes_like(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float], n: qk.UInt) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    for k in qk.range(n):
        q[k] = qk.rz(qk.h(q[k]), input_vec[k])
    for k in qk.range(n):
        q[k] = qk.ry(q[k], weight[k])
    return q


@pytest.mark.parametrize("n", [1, 2, 3, 4], ids=lambda n: f"Q17-{n}")
def test_q17_sizes_of_what_is_read_and_made_of_it(n: int) -> None:
    x = torch.rand(5, n)
    net = QLayer(real_amplitudes_like, {"n": n}, readout="probabilities")
    assert net(x).shape == (5, 1 << n)
    torch.testing.assert_close(net(x).sum(1), torch.ones(5))
    parity = torch.zeros(1 << n, 2).index_put((torch.arange(1 << n), torch.tensor([k.bit_count() % 2 for k in range(1 << n)])),
                                               torch.ones(()))  # fmt: skip
    folded = QLayer(real_amplitudes_like, {"n": n}, readout="probabilities", post_process=lambda p: p @ parity)
    folded.load_state_dict(net.state_dict())
    torch.testing.assert_close(folded(x), net(x) @ parity)
    read = QLayer(real_amplitudes_like, {"n": n}, readout="Z" * n)
    read.load_state_dict(net.state_dict())
    torch.testing.assert_close(folded(x)[:, :1] - folded(x)[:, 1:], read(x))


def test_b7_a_bias_after_the_measurement() -> None:
    net = layer(encoded, readout="z", bias=True)
    assert torch.equal(net.bias, torch.zeros(2))
    assert isinstance(net.bias, nn.Parameter)
    with torch.no_grad():
        net.bias.copy_(torch.tensor([0.5, -1.0]))
    torch.testing.assert_close(net(X), layer(encoded, readout="z")(X) + torch.tensor([0.5, -1.0]).double())
    net(X).sum().backward()
    torch.testing.assert_close(net.bias.grad, torch.full((2,), 3.0).double())
    assert net.float()(X.float()).dtype == torch.float32
    assert net.half()(X.half()).dtype == torch.float16


def test_b8_a_scale_against_saturation() -> None:
    plain = layer(encoded, readout="z")(X)
    torch.testing.assert_close(layer(encoded, readout="z", scale=3.0)(X), 3 * plain)
    trained = layer(encoded, readout="z", scale=True, bias=True, post_process=torch.sigmoid)
    torch.testing.assert_close(trained(X), plain.sigmoid())
    with torch.no_grad():
        trained.scale.copy_(torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(trained(X), (plain * torch.tensor([2.0, 0.0]).double()).sigmoid())
    torch.testing.assert_close(pickle.loads(pickle.dumps(trained))(X), trained(X))


def filled(weight: Tensor) -> None:
    weight.fill_(0.25)


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ("zeros", lambda w: (w == 0).all()),
        ("ones", lambda w: (w == 1).all()),
        ("angles", lambda w: (w.abs() <= torch.pi).all() and w.abs().max() > 1),
        (nn.init.ones_, lambda w: (w == 1).all()),
        (filled, lambda w: (w == 0.25).all()),
        (lambda w: torch.full_like(w, 2), lambda w: (w == 2).all()),
        (torch.zeros_like, lambda w: (w == 0).all()),
    ],
    ids=["zeros", "ones", "angles", "torch", "in place", "new", "like"],
)
def test_initialisers(given: Any, holds: Any) -> None:
    torch.manual_seed(0)
    assert holds(QLayer(encoded, readout="z", initial=given).weight)
    assert holds(QLayer(encoded, inputs=["input_vec"], weights={"weight": given}, readout="z").weight)


@qk.qkernel
def goes_on(input_0: qk.Float) -> tuple[qk.Bit, qk.Float]:
    q = qk.rx(qk.qubit(), input_0)
    return qk.measure(q), 2 * input_0


@qk.qkernel
def measured_and_used(input_0: qk.Float) -> qk.Bit:
    q, bit = qk.project_z(qk.rx(qk.qubit(), input_0))
    q = qk.rx(q, input_0)
    return bit


def begun(given: Any) -> QLayer:
    return QLayer(encoded, inputs=["input_vec"], weights={"weight": given}, readout="z")


def test_lengths_are_whole_numbers_of_any_kind() -> None:
    (place,) = (weight.shape for weight in begun(2).parameters())
    for shape in (np.int64(place[0]), (np.int32(place[0]),), torch.Size(place)):
        assert begun(shape).weight.shape == place


@pytest.mark.parametrize(
    ("make", "error", "part"),
    [
        (lambda: layer(encoded, readout="prob"), ObservableError, "the names are `x`, `y`, `z`, `probabilities`"),
        (lambda: layer(encoded, readout=[]), ObservableError, "neither one of its names nor an observable"),
        (lambda: layer(encoded, readout=3.0), ObservableError, "neither one of its names nor an observable"),
        (lambda: layer(encoded, readout="Z5"), ObservableError, "`Z5` acts on 6 qubits, and `encoded` hands back 2"),
        (lambda: layer(encoded, readout=1j * qko.Z(0)), ObservableError, "complex coefficients"),
        (lambda: layer(outcomes, readout="z"), GradientError, "returns numbers already"),
        (lambda: QLayer(goes_on, readout="z"), GradientError, "returns more than bits"),
        (lambda: QLayer(measured_and_used, readout="z"), GradientError, "goes on with qubits after their measurement"),
        (lambda: layer(encoded), GradientError, 'readout="z"'),
        (lambda: QLayer(encoded, readout="z", initial="zero"), ValidationError, "did you mean `zeros`"),
        (lambda: QLayer(encoded, readout="z", initial="xavier_normal"), ValidationError, "does not fill the weight `weight`"),
        (lambda: begun(np.array([0.1, 1j])), BindingTypeError, "the weight `weight` begins as real numbers"),
        (lambda: begun((-2,)), BindingShapeError, "the shape (-2,) was given"),
        (lambda: layer(encoded, readout="z", scale=torch.ones(2)), ValidationError, "`scale` is a number, or True"),
        (lambda: layer(encoded, readout="z", scale="2"), ValidationError, "`scale` is a number, or True"),
        (lambda: layer(encoded, readout="z", bias=0.5), ValidationError, "`bias` is True for one that is trained, not `0.5`"),
        (lambda: layer(encoded, readout="z", post_process="tanh"), ValidationError, "`post_process` is a function of tensors"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_or_begun_is_named(make: Any, error: type[QKernelError], part: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert part in str(caught.value)


def test_shots_follow_torch_unless_a_seed_is_given() -> None:
    def drawn(seed: int | None, torch_seed: int) -> Tensor:
        net = layer(encoded, readout="probabilities", shots=20, seed=seed)
        torch.manual_seed(torch_seed)
        return torch.stack([net(X), net(X)])

    assert torch.equal(drawn(None, 1), drawn(None, 1))
    assert not torch.equal(drawn(None, 1), drawn(None, 2))
    assert torch.equal(drawn(4, 1), drawn(4, 2))
    assert not torch.equal(*drawn(4, 1))
    assert not torch.equal(*drawn(None, 1))


def test_bits_in_any_order_and_from_several_registers() -> None:
    @qk.qkernel
    def mixed(input_vec: qk.Vector[qk.Float]) -> tuple[qk.Bit, qk.Vector[qk.Bit]]:
        a = qk.ry(qk.qubit_array(2), input_vec)
        b = qk.x(qk.qubit())
        last = qk.measure(b)
        return last, qk.measure(a)

    found = QLayer(mixed, readout="probabilities")(torch.tensor([0.3, 1.1]).double())
    ones = [1.0, float(np.sin(0.15) ** 2), float(np.sin(0.55) ** 2)]
    known = [
        np.prod([p if bit else 1 - p for p, bit in zip(ones, reversed(bits), strict=True)])
        for bits in product((0, 1), repeat=3)
    ]
    torch.testing.assert_close(found, torch.tensor(known).double())


@qk.qkernel
def inner(input_vec: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.ry(qk.qubit_array(2), input_vec)
    q[0], q[1] = qk.cx(q[0], q[1])
    return q


@qk.qkernel
def all_outcomes(input_vec: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.probabilities(inner(input_vec))


@qk.qkernel
def added(input_vec: qk.Vector[qk.Float]) -> qk.Float:
    p = qk.probabilities(inner(input_vec))
    return 2 * p[0] + p[3] + 0.5


@qk.qkernel
def subtracted(input_vec: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
    p = qk.probabilities(inner(input_vec))
    return p[0] - p[3], 1 - 2 * p[1]


@qk.qkernel
def mixed(input_vec: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
    q = inner(input_vec)
    first, second = q[0], q[1]
    return (1 - qk.expval(first, qko.X(0))) / 2, 0.5 * qk.probabilities(second)[1] - 1


@qk.qkernel
def squared(input_vec: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(inner(input_vec), qko.Z(0)) ** 2


@qk.qkernel
def with_an_input(input_vec: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(inner(input_vec), qko.Z(0)) + input_vec[0]


@pytest.mark.parametrize(
    ("kernel", "is_read_in_place"),
    [(all_outcomes, True), (added, True), (subtracted, True), (mixed, True), (squared, False), (with_an_input, False)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_outputs_that_are_affine_in_what_is_read_are_expectation_values(
    kernel: Any, is_read_in_place: bool, dtype: torch.dtype
) -> None:
    net = QLayer(kernel)
    x = torch.cat([torch.zeros(1, 2), torch.full((1, 2), torch.pi), torch.randn(30, 2)]).to(dtype).requires_grad_()
    found = net(x)
    (call,) = net._wiring.calls.values()
    assert isinstance(call._split, ComputedOutputs) is not is_read_in_place
    executable = kernel.compile()
    known = executable.run(input_vec=x.detach().numpy())
    known = np.stack(known, 1) if isinstance(known, tuple) else known.reshape(32, -1)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    np.testing.assert_allclose(found.detach().numpy(), known, rtol=0, atol=tolerance)
    assert kernel is not all_outcomes or (found >= 0).all()
    weights = torch.randn(found.shape).to(dtype)
    (found * weights).sum().backward()
    jacobian = executable.jacobian(input_vec=x.detach().numpy())["input_vec"].reshape(32, -1, 2)
    np.testing.assert_allclose(x.grad, np.einsum("bo,boc->bc", weights, jacobian), rtol=0, atol=10 * tolerance)
