"""Faults of the program, told without what was in the data: the text of an unforeseen error may repeat a member's."""

from __future__ import annotations

import traceback
from pathlib import Path

CRASHED = 1  # the exit code that Python itself gives to a process that a defect ended


def where(fault: BaseException) -> str:
    """An error's type and the line that raised it, fit for logs and notes."""
    frames = traceback.extract_tb(fault.__traceback__)
    if not frames:
        return type(fault).__name__
    return f"{type(fault).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
