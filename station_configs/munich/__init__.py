"""The munich preset."""
