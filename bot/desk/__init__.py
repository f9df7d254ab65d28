"""The clinic's web pages. For now one: how the system stands, in counts alone."""
