"""Policy bundles: one TOML file a document and version. Data only; what decides lives in `reconcile/`."""

from config.policies.faults import Fault, PolicyError
from config.policies.reader import DIRECTORY, load, read

__all__ = ["DIRECTORY", "Fault", "PolicyError", "load", "read"]
