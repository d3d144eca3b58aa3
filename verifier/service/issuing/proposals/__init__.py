"""What takes two people and a reason."""
