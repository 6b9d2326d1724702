"""What a job says while it works, and how it ends when a person must act."""

import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, TypeVar

from radpipe.errors import RadpipeError

T = TypeVar("T")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def set_threads(threads: int) -> None:
    """Bound every numerical library to `threads`; call before they are imported."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


@contextmanager
def job(log: str | Path | None, threads: int = 1) -> Iterator[None]:
    """Run the body of a workflow adapter: output goes to `log`, a fault ends in one sentence.

    A `RadpipeError` is a fault a user can mend: its sentence is the last line of the log and all
    that the console shows. Any other exception keeps its traceback in the log and names the log.
    """
    set_threads(threads)
    console = sys.stderr
    with ExitStack() as stack:
        stream = stack.enter_context(Path(log).open("w", buffering=1)) if log else None
        if stream:
            stack.enter_context(redirect_stdout(stream))
            stack.enter_context(redirect_stderr(stream))
        try:
            yield
        except RadpipeError as error:
            _say(f"radpipe: {error}", stream, console)
            raise SystemExit(1) from None
        except Exception as error:
            traceback.print_exc(file=stream or console)
            kind = type(error).__name__
            _say(f"radpipe: unexpected {kind}: {error}; see {log}", stream, console)
            raise SystemExit(1) from None


def _say(line: str, *streams: TextIO | None) -> None:
    for stream in streams:
        if stream is not None:
            print(line, file=stream, flush=True)


def progress(items: Iterable[T], what: str, every_s: float = 5.0) -> Iterator[T]:
    """Yield `items`, printing `what 12/56 (21 %), 34 s left` now and then."""
    total = len(items) if isinstance(items, Sized) else None
    start = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - last >= every_s:
            last = now
            share = "" if total is None else f"/{total} ({100 * done / total:.0f} %)"
            left = "" if total is None else f", {(now - start) / done * (total - done):.0f} s left"
            print(f"{what} {done}{share}{left}", flush=True)
        yield item
