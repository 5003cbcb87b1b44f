"""A few worker threads for machine code that has released the interpreter lock.

Own threads, not OpenMP: nothing beside PyTorch's pool keeps spinning, and a call may come from any thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from qkernel.errors import ExecutionError

Task = Callable[[], None]


class _Pool:
    def __init__(self) -> None:
        self.tasks: SimpleQueue[tuple[Task, SimpleQueue[BaseException | None]]] = SimpleQueue()
        self.size = 0
        self.lock = Lock()

    def grow(self, size: int) -> None:
        with self.lock:
            while self.size < size:
                Thread(target=self.work, name=f"qkernel-{self.size}", daemon=True).start()
                self.size += 1

    def work(self) -> None:
        while True:
            task, done = self.tasks.get()
            try:
                task()
                done.put(None)
            except BaseException as error:
                done.put(error)


_pool = _Pool()


def _renew() -> None:
    global _pool
    _pool = _Pool()


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


def together(tasks: list[Task], stop: Event | None = None) -> None:
    """Run all tasks at once, the first in this thread; the first error, or Ctrl-C, is raised when all are done.

    It sets `stop`, so that tasks that look at it end early.
    """
    stop = stop or Event()
    _pool.grow(len(tasks) - 1)
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    errors: list[BaseException] = []
    waiting = 0
    try:
        for task in tasks[1:]:
            waiting += 1  # before it is put: Ctrl-C comes behind a call
            _pool.tasks.put((task, done))
        tasks[0]()
    except BaseException as error:
        stop.set()
        errors.append(error)
    while waiting:
        try:
            found = done.get()
        except KeyboardInterrupt as interrupt:  # the tasks work on what is the caller's, so they are waited for all the same
            stop.set()
            errors.append(interrupt)
            continue
        waiting -= 1
        if found is not None:
            stop.set()
            errors.append(found)
    if errors:
        raise errors[0]
