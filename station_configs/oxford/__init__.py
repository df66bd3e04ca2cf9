"""The oxford preset."""
