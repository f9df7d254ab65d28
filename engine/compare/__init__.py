"""The experiment behind the choice of pipeline: `make understanding` measures every candidate and writes the table."""
