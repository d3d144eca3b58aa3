"""What a worker follows: a file a stream. What is refused is logged, what was trusted stays."""
