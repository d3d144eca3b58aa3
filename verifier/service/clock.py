"""The one place of the verifier that looks at the wall clock."""

import time

now = time.time
"""Unix seconds."""
