"""Roles in memory, on the world."""
