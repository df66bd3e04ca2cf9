"""Conformance classes: what every implementation of a role must do."""
