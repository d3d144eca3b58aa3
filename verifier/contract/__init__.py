"""What others may see of the verifier: its words, its messages, its signed documents.

A leaf: it imports nothing of ours, so that the fleet, a terminal and a test can all stand on it.
Only shapes live here; what is decided about them lives in the verifier's core.
"""
