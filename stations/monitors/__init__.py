"""Monitors: pure statistics that see drifts and faults in what a node knows anyway. No input, no output, no clock."""
