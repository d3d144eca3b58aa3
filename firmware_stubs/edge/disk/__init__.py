"""What the terminal keeps on disk, and the one thread that writes it."""
