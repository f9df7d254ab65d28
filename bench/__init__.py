"""Benchmarks: what the system takes, beside plain Rasa in the same run on the same machine."""
