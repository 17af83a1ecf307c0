"""The schema's history. `worker.engine.migrate` runs it; `python -m worker.migrations` writes it."""
