"""The terminal's edge: its lens, its doors and its lines to the services; all I/O is here."""
