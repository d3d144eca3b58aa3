"""What a place asks of a code."""
