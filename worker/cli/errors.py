"""What each kind of failure is to whoever runs the command: an exit code and one line."""

from __future__ import annotations

import errno

import typer

DONE = 0
PERSON_NEEDED = 1
BAD_INPUT = 2
UNREACHABLE = 3
INTERRUPTED = 130
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})

# Typer keeps click inside itself; its own BadParameter leads to the two bases that matter.
_USAGE_ERROR, _CLICK_ERROR = typer.BadParameter.__mro__[1:3]


class StopError(Exception):
    """A command ends here with `code`; the text is one line for a person."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code


def bad_input(text: str) -> StopError:
    return StopError(BAD_INPUT, text)


def unreachable(text: str) -> StopError:
    return StopError(UNREACHABLE, text)


def one_line(error: Exception) -> tuple[int, str] | None:
    """The exit code and line of a failure that is foreseen; None for a defect."""
    if isinstance(error, _CLICK_ERROR):
        return BAD_INPUT, _usage(error)
    for kinds, code in ((_bad_input_kinds(), BAD_INPUT), (_unreachable_kinds(), UNREACHABLE)):
        if isinstance(error, kinds):
            return code, _first_line(error)
    if _is_no_database(error):
        return UNREACHABLE, _first_line(error)
    if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
        return UNREACHABLE, f"{error.filename or 'the output'} cannot be written: {error.strerror}"
    return None


def _is_no_database(error: Exception) -> bool:
    """A file that is no database. Its error is of the very class from which those of defects in our SQL come."""
    from sqlalchemy.exc import DatabaseError

    return type(error) is DatabaseError


def _usage(error: Exception) -> str:
    text = getattr(error, "format_message", lambda: str(error))().replace("\n", " ")
    context = getattr(error, "ctx", None)
    return f"{text} (see {context.command_path} --help)" if context is not None else text


def _bad_input_kinds() -> tuple[type[Exception], ...]:
    from config.policies import PolicyError
    from config.settings import SettingsError
    from worker.crypt import CannotOpenError
    from worker.events_file import EventsFileError
    from worker.roster.files import RosterError

    return PolicyError, SettingsError, CannotOpenError, EventsFileError, RosterError


def _unreachable_kinds() -> tuple[type[Exception], ...]:
    import redis.exceptions
    from sqlalchemy import exc

    return exc.OperationalError, exc.InterfaceError, exc.TimeoutError, redis.exceptions.ConnectionError, ConnectionError


def _first_line(error: Exception) -> str:
    """What a driver says goes over many lines, the statement with its values among them: only the reason is said."""
    reason = getattr(error, "orig", None) or error
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
    from sqlalchemy.exc import SQLAlchemyError

    first = lines[0] if lines else type(reason).__name__
    return f"the database is not reachable: {first}" if isinstance(error, SQLAlchemyError) else first
