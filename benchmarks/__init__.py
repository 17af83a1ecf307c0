"""Trials that are too long for the suite. Each prints what it found: the figures of the docs come from here."""
