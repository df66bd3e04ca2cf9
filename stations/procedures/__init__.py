"""Procedures: ordinary classes over roles, usable alone in a QCoDeS loop."""
