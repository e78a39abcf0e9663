"""The divisions of Shanghai in all editions of the statistical codes: our copy, and how it is derived and checked."""
