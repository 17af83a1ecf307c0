"""The parts of a night; `worker.nightly` runs them."""
