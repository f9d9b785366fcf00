"""Clouds on their way into a split: many blocks at once, in a fixed order.

Blocks are cut by the caller, never by the number of workers, so the arrays are the same bytes however many
processes make them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import WorkFailedError

Task = TypeVar("Task")
Result = TypeVar("Result")

_FEW = 3  # tasks that are done sooner than other processes have started
BLOCK_SIZE = 32  # clouds a task: some hundred milliseconds of work, so that progress moves and processes pay off


def name_caption(class_name: str) -> str:
    """The caption of a cloud of which only the class is known: "a chair", "an airplane"."""
    words = class_name.replace("_", " ").replace("-", " ").strip().lower() or "object"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def cut(items: Sequence[Task], size: int = BLOCK_SIZE) -> list[Sequence[Task]]:
    """Cut a sequence into blocks of ``size``; the last may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def choose_rows(have: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose ``count`` of ``have`` points, for several arrays alike.

    Args:
        have: M, points there are; at least 1.
        count: N, points wanted.
        rng: source of randomness.

    Returns:
        (N,) indices: a random choice in rising order, or all of them followed by some twice where there are fewer.
    """
    if have >= count:
        return np.sort(rng.choice(have, count, replace=False)).astype(np.int64)
    return np.concatenate([np.arange(have), rng.integers(0, have, count - have)]).astype(np.int64)


def run_blocks(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[Result, None, None]:
    """Do ``work`` for every task and give the results in the order of the tasks.

    Args:
        work: a function that other processes can import.
        tasks: taken one by one, a few ahead of the results, so that they need not all fit into memory.
        workers: processes; 1, or a list of two tasks or fewer, works in this one.

    Yields:
        One result for each task.

    Raises:
        WorkFailedError: a worker process died (mostly for want of memory).
    """
    few = isinstance(tasks, Sequence) and len(tasks) < _FEW
    if workers <= 1 or few:
        yield from map(work, tasks)
        return
    # Spawned, not forked: a forked child would inherit the threads' locks of torch or BLAS in a Python caller.
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent)
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as cause:
        raise WorkFailedError(
            "a worker process died, mostly for want of memory; try again with --workers 1."
        ) from cause
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """In a worker: leave an interrupt to the parent, which ends the pool, and end when the parent was killed."""
    import multiprocessing
    import os
    import signal
    from multiprocessing.connection import wait
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
