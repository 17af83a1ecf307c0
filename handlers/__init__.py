"""The provider edge: one package a provider, both directions. No SQL, no queue, no policy."""
