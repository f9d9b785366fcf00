"""Clouds on their way into a split: many blocks at once, in a fixed order, with views and features added.

Blocks are cut by the caller, never by the number of workers, so the arrays are the same bytes however many
processes make them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import TypeVar

import numpy as np

from pointsra.data.conditions import encode_captions, encode_views
from pointsra.data.split_writer import CloudBlock
from pointsra.data.views import render_views
from pointsra.errors import WorkFailedError

Task = TypeVar("Task")
Result = TypeVar("Result")

BLOCK_SIZE = 32  # clouds a task: some hundred milliseconds of work, so that progress moves and processes pay off


def add_conditions(block: CloudBlock) -> CloudBlock:
    """Render the views of each cloud and encode views and captions with the built-in encoders.

    Args:
        block: (B, N, 3) points with captions.

    Returns:
        The same clouds with views (B, 4, 48, 48), image features and text features (B, 256) each.
    """
    views = np.stack([render_views(points) for points in block.points])
    return replace(
        block,
        views=views,
        image_features=encode_views(views),
        text_features=encode_captions(list(block.captions or [""] * len(views))),
    )


def name_caption(class_name: str) -> str:
    """The caption of a cloud of which only the class is known: "a chair", "an airplane"."""
    words = class_name.replace("_", " ").replace("-", " ").strip().lower() or "object"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def cut(items: Sequence[Task], size: int = BLOCK_SIZE) -> list[Sequence[Task]]:
    """Cut a sequence into blocks of ``size``; the last may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def run_blocks(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Do ``work`` for every task and give the results in the order of the tasks.

    Args:
        work: a function that other processes can import.
        tasks: taken one by one, a few ahead of the results, so that they need not all fit into memory.
        workers: processes; 1 works in this one.

    Yields:
        One result for each task.

    Raises:
        WorkFailedError: a worker process died (mostly for want of memory).
    """
    if workers <= 1:
        yield from map(work, tasks)
        return
    # Spawned, not forked: a forked child would inherit the threads' locks of torch or BLAS in a Python caller.
    import multiprocessing

    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
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
