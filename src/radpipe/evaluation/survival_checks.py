"""What every statistic of survival asks of its input, checked at the door."""

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Vector


def check_survival(time: npt.ArrayLike, event: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Follow-up and event as float, both of shape (n,).

    Raises:
        RadpipeError: lengths differ, no case, a time is missing, infinite or negative, or an event
            is neither 0 nor 1.
    """
    t, e = np.asarray(time, dtype=float), np.asarray(event, dtype=float)
    if t.ndim != 1 or t.size == 0 or t.shape != e.shape:
        raise RadpipeError(
            "time and event are not two vectors of one length",
            found=f"shapes {t.shape} and {e.shape}",
            expected="(n,) twice with n > 0",
        )
    if not np.isfinite(t).all() or (t < 0).any():
        strange = t[~(np.isfinite(t) & (t >= 0))][0]
        raise RadpipeError(
            "a follow-up is no time", found=strange, expected="a number of at least 0"
        )
    if not np.isin(e, (0.0, 1.0)).all():
        strange = e[~np.isin(e, (0.0, 1.0))][0]
        raise RadpipeError("an event is neither 0 nor 1", found=strange, expected="0 or 1")
    return t, e


def check_finite(values: npt.ArrayLike, size: int, what: str) -> Vector:
    """A number for each case, shape (n,).

    Raises:
        RadpipeError: another length, or a value is missing or infinite.
    """
    found = np.asarray(values, dtype=float)
    if found.shape != (size,):
        raise RadpipeError(f"{what} and time differ in length", found=found.shape, expected=(size,))
    if not np.isfinite(found).all():
        raise RadpipeError(
            f"a {what} is not a finite number",
            found=f"{int((~np.isfinite(found)).sum())} of {size} missing or infinite",
            expected="a number for every case",
        )
    return found


def check_event_probabilities(p: npt.ArrayLike, size: int) -> Vector:
    """Probabilities of the event by the horizon, shape (n,), each in [0, 1].

    Raises:
        RadpipeError: as `check_finite`, or a value is outside [0, 1].
    """
    found = check_finite(p, size, "probability")
    outside = (found < 0) | (found > 1)
    if outside.any():
        raise RadpipeError(
            "a probability is outside [0, 1]",
            found=float(found[outside][0]),
            expected="probabilities of the event by the horizon",
            hint="a risk score is no probability",
        )
    return found


def check_horizon(horizon: float, time: Vector, event: Vector, *, what: str) -> None:
    """Refuse weights by inverse censoring where nothing was observed any more (guardrail G22).

    Raises:
        RadpipeError: there is no event, or the horizon lies past the last one.
    """
    if not event.any():
        raise RadpipeError(f"{what} needs events", found=f"{time.size} censored cases")
    last = float(time[event == 1].max())
    if not 0 < horizon <= last:
        raise RadpipeError(
            f"{what} is not defined at this horizon",
            found=f"{horizon:g}",
            expected=f"above 0 and up to the last event, {last:g}",
            hint="choose an earlier horizon",
        )
