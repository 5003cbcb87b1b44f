"""Calls that signals interrupt at random moments: `python -m tests.strategies.interrupts CALL INTERRUPTS SEED [THREADS]`.

Handlers raise KeyboardInterrupt, as Ctrl-C does, or SystemExit, as a handler of SIGTERM may; up to three times
for one call, also while the first one is handled. Now and then a call is left alone and must give what it always gives.
"""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko

Call = Callable[[], Any]


@qk.qkernel
def chain(n: qk.UInt, layers: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), w)
    for _ in qk.range(layers):
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.crx(q[i], q[i + 1], w[i])
        q = qk.ry(q, w)
    return qk.expval(q, qko.X(0) * qko.Y(1) * qko.X(2))


@qk.qkernel
def measured(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(n), a)
    for i in qk.range(n - 1):
        q[i], bit = qk.project_z(q[i])
        if bit:
            q[i + 1] = qk.rx(q[i + 1], a)
    return qk.measure(q)


def gradient(engine: str, n: int, layers: int, batch: int) -> Call:
    w = np.random.default_rng(0).normal(size=(batch, n))
    return lambda: chain.grad(n=n, layers=layers, w=w, engine=engine)["w"]


def samples(engine: str, n: int, shots: int) -> Call:
    return lambda: sorted(measured.sample(n=n, a=0.7, shots=shots, seed=3, engine=engine).results)


def layer(engine: str, n: int, layers: int, batch: int) -> Call:
    import torch

    from qkernel.nn import QLayer

    made = QLayer(chain, {"n": n, "layers": layers}, inputs=["w"], engine=engine)
    inputs = torch.tensor(np.random.default_rng(0).normal(size=(batch, n)), requires_grad=True)

    def call() -> Any:
        inputs.grad = None
        made(inputs).sum().backward()
        return inputs.grad.numpy().copy()

    return call


CALLS: dict[str, Callable[[], Call]] = {
    "small": lambda: gradient("native", 4, 2, 8),
    "threads": lambda: gradient("native", 11, 3, 40),
    "blocks": lambda: gradient("native", 17, 2, 1),
    "deep": lambda: gradient("native", 14, 60, 2),
    "samples": lambda: samples("native", 9, 3000),
    "layer": lambda: layer("native", 10, 3, 40),
    "torch": lambda: gradient("torch", 9, 2, 10),
    "torch layer": lambda: layer("torch", 9, 2, 10),
    "reference": lambda: gradient("reference", 5, 2, 3),
    "reference samples": lambda: samples("reference", 5, 300),
}


def interrupt(call: Call, interrupts: int, rng: random.Random) -> str:
    """Interrupt a call so often, each time at another moment; raises where a call does not come back or comes back wrong."""
    expected = call()
    began = time.perf_counter()
    call()
    duration = time.perf_counter() - began
    left, came, late, raised_at = 0, 0, 0, 0.0

    def handler(*_: Any) -> None:
        nonlocal left, raised_at
        left -= 1
        raised_at = raised_at or time.perf_counter()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, rng.uniform(0, 0.1) * duration))
        raise rng.choice((KeyboardInterrupt, SystemExit))

    signal.signal(signal.SIGALRM, handler)
    longest = 0.0
    for number in range(interrupts):
        faulthandler.dump_traceback_later(60 + 100 * duration, exit=True)
        left, raised_at = rng.choice((1, 1, 2, 3)), 0.0
        try:
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, max(1e-6, rng.uniform(0, 1.1) * duration))
                    call()
                    time.sleep(1.2 * duration)
                except (KeyboardInterrupt, SystemExit):
                    came, longest = came + 1, max(longest, time.perf_counter() - raised_at)
                    time.sleep(0.1 * duration)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except (KeyboardInterrupt, SystemExit):
                late += 1
                time.sleep(0.1 * duration)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except (KeyboardInterrupt, SystemExit):
            signal.setitimer(signal.ITIMER_REAL, 0)
        if number % 20 == 0:
            _check(call, expected)
    _check(call, expected)
    _check_elsewhere(call, expected)
    faulthandler.cancel_dump_traceback_later()
    return f"{interrupts} calls, {came} interrupted, {late} once more; the longest way out took {1e3 * longest:.0f} ms"


def _check(call: Call, expected: Any) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    found = call()
    if isinstance(expected, list):
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def _check_elsewhere(call: Call, expected: Any) -> None:
    """In another thread, and in a process of its own that starts from here."""
    errors: list[BaseException] = []

    def check() -> None:
        try:
            _check(call, expected)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def _check_forked(call: Call, expected: Any) -> None:
    child = os.fork()
    if not child:
        status = 1
        try:
            _check(call, expected)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    name, count, seed, *threads = sys.argv[1:]
    os.environ["QKERNEL_NUM_THREADS"] = threads[0] if threads else "3"
    made = CALLS[name]()
    print(f"{name}: {interrupt(made, int(count), random.Random(int(seed)))}")
    if "torch" not in name:  # whose own threads do not survive a fork
        _check_forked(made, made())
