"""Trials that are too long for the suite. Each prints what it found: the figures of the docs come from here."""

import os

# What is installed has its bytecode, and so have the peers: each process that is measured begins with it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
