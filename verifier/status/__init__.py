"""Planes: one packed value per index, for a whole city, in memory."""
