"""The numbered steps of `assess`, one file for each, and the course that they write to. Pure."""
