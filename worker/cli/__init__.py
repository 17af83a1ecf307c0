"""The command: `makegood`. One file a group of commands; each imports what it needs when it is run, so that `--help`
is quick and a part that cannot be imported takes no other command with it."""

from worker.cli.running import main

__all__ = ["main"]
