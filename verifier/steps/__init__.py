"""The numbered steps of `assess`, a file a step, and the course that they write to. Pure."""
