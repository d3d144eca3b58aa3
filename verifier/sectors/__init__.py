"""What the sectors ask beyond a code: appointments at a hall. Pure."""
