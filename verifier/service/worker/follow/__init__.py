"""What a worker follows: one file for each stream.

What is refused is logged, what was trusted stays.
"""
