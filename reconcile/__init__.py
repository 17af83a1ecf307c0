"""The core: facts and promises in, findings and remedies out. Pure: no clock, no I/O, no provider words."""
