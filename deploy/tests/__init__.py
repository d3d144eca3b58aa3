"""Running the tests: which rings run beside each other. What they are stands in tests/."""
