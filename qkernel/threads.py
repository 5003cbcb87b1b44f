"""Worker threads for what lets go of the interpreter lock, and a main thread that Ctrl-C can always take back.

Errors that signals raise come up in the main thread only, between any two of its instructions. So what threads work on
belongs to a `Computation`: whoever waits for it may leave at any moment, and it ends on memory of its own.

Own threads, not OpenMP: nothing beside PyTorch's pool keeps spinning, and a call may come from any thread.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from _thread import allocate_lock, start_new_thread
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from qkernel.errors import ExecutionError

T = TypeVar("T")
Task = Callable[[], Any]


class Abandoned(BaseException):
    """Nobody waits for this computation any more; seen by the threads that did it, and by nobody else."""


class Computation:
    """What several threads work on, kept for as long as one of them does, and whether anybody still waits for it.

    Machine code looks at `address`: the number there is 0 until nobody waits.
    """

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._flag = (ctypes.c_float * 2)()
        self.address = ctypes.addressof(self._flag)

    def keep(self, *things: Any) -> None:
        """Have these live as long as the computation does."""
        self._kept += things

    def abandon(self) -> None:
        """Have it end as soon as it can."""
        ctypes.memset(self.address, 0x3F, ctypes.sizeof(self._flag))

    def check(self) -> None:
        """Raise `Abandoned` once nobody waits any more."""
        if self._flag[0]:
            raise Abandoned


_local = threading.local()
AWAITED = Computation()
"""What a caller does in its own thread, in one go."""


def current() -> Computation:
    """The computation that this thread does for another one, or a new one."""
    return getattr(_local, "computation", None) or Computation()


def poll() -> None:
    """Raise `Abandoned` in a thread that does what nobody waits for any more."""
    computation = getattr(_local, "computation", None)
    if computation is not None:
        computation.check()


class _Pool:
    """As many threads as there ever was work for at once.

    `idle` has an entry for each thread that has come to wait for a task. An interrupt between the two steps of `put`
    leaves a thread that waits and has no entry; it gets one after its next task.
    """

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Task] = SimpleQueue()
        self.idle: deque[None] = deque()

    def put(self, task: Task) -> None:
        try:
            self.idle.pop()
        except IndexError:
            start_new_thread(self._work, ())
        self.tasks.put(task)

    def _work(self) -> None:
        threading.current_thread().name = f"qkernel-{threading.get_ident()}"
        while True:
            self.tasks.get()()
            self.idle.append(None)


_pool = _Pool()


def _renew() -> None:
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def num_threads() -> int:
    """`QKERNEL_NUM_THREADS` if set, else PyTorch's number if it is loaded, else the processors that we may use."""
    asked = os.environ.get("QKERNEL_NUM_THREADS")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ExecutionError(f"QKERNEL_NUM_THREADS is a whole number from 1 on, not {asked!r}")
        return int(asked)
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def num_parts() -> int:
    """Into how many parts work is cut that ends in sums: the same for any number of threads, and so are the sums' last bits."""
    return os.cpu_count() or 1


def interruptible(compute: Callable[[], T]) -> T:
    """What `compute` gives, done by another thread if this is the main one, which leaves at once when a signal raises."""
    if threading.get_ident() != threading.main_thread().ident:
        return compute()
    computation, done = Computation(), allocate_lock()
    outcome: list[tuple[Any, BaseException | None]] = []
    done.acquire()
    try:
        _pool.put(partial(_perform, partial(copy_context().run, compute), computation, outcome, done.release))
        done.acquire()
    except BaseException:
        computation.abandon()
        raise
    found, error = outcome.pop()
    if error is not None:
        raise error
    return found  # type: ignore[no-any-return]


def begin(compute: Task) -> Computation:
    """Have another thread do this, which raises nothing; who abandons the computation ends it."""
    computation = Computation()
    _pool.put(partial(_perform, partial(copy_context().run, compute), computation, SimpleQueue(), None))
    return computation


def together(tasks: Sequence[Task], computation: Computation, threads: int | None = None) -> None:
    """Run all tasks at once, or on so many threads, the first in this thread.

    The first error ends the others, which nobody waits for then.
    """
    if threads is not None and threads < len(tasks):
        cuts = [len(tasks) * k // threads for k in range(threads + 1)]
        tasks = [partial(_in_turn, tasks[cuts[k] : cuts[k + 1]]) for k in range(threads)]
    outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    try:
        for task in tasks[1:]:
            _pool.put(partial(_perform, task, computation, outcomes, None))
        tasks[0]()
        for _ in tasks[1:]:
            _, error = outcomes.get()
            if error is not None:
                raise error
    except BaseException:
        computation.abandon()
        raise
    computation.check()


def _in_turn(tasks: Sequence[Task]) -> None:
    for task in tasks:
        task()


def _perform(task: Task, computation: Computation, outcomes: Any, finish: Task | None) -> None:
    """A task in a thread of the pool: what it gives, or raises, goes to `outcomes`."""
    _local.computation = computation
    outcome: tuple[Any, BaseException | None]
    try:
        outcome = task(), None
    except BaseException as error:
        outcome = None, error
    del _local.computation
    if finish is None:
        outcomes.put(outcome)
    else:
        outcomes.append(outcome)
        finish()
