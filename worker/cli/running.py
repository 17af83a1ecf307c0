"""How the command starts and ends: what went wrong becomes one line on standard error and an exit code."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from worker.cli.errors import BAD_INPUT, DONE, INTERRUPTED, UNREACHABLE, StopError, bad_input, one_line

if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 a person is needed (with `--check`), 2 bad usage or input,
    3 a dependency is not reachable."""
    from worker.cli.app import app

    command = typer.main.get_command(app)
    given = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> object:
        if not all(_is_text(argument) for argument in given):
            raise bad_input("the arguments: UTF-8 text is expected, and one of them is none")
        try:
            with command.make_context("makegood", given) as context:
                return command.invoke(context)
        except typer.Exit as done:  # `--help` has been shown
            return done.exit_code

    _write_utf8()
    return guarded(run)


def _write_utf8() -> None:
    """JSON is UTF-8, and so is every listing, whatever the locale says; what goes to a closed stream goes nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the end
        elif isinstance(stream, TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _is_text(argument: str) -> bool:
    """Bytes that are no text in the locale's encoding arrive as half surrogate pairs, which no database takes."""
    return not any("\ud800" <= sign <= "\udfff" for sign in argument)


def guarded(run: Callable[[], object]) -> int:
    """What `run` comes to, as an exit code. A failure that nobody foresaw keeps its traceback: it is a defect."""
    try:
        code = run()
        sys.stdout.flush()
    except StopError as stop:
        return _say(stop.code, str(stop))
    except typer.Abort:
        return _say(INTERRUPTED, "interrupted")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        return _say(*line)
    return code if isinstance(code, int) else DONE


def _say(code: int, text: str) -> int:
    if text and code in (BAD_INPUT, UNREACHABLE, INTERRUPTED):
        typer.echo(f"makegood: {text}", err=True)
    return code
