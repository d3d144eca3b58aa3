"""Conformance: one line of JSON in, one line of JSON out (docs/conformance.md).

For whoever builds a terminal in another language, and for our own public vectors. Pure functions
of a line; reading lines, flushing answers and looking at pictures are the command's. A line that
cannot be judged is answered with an error and spoils only itself.
"""
