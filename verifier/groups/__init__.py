"""Groups: who is in one (roster), and what their colours say together (verdict)."""
