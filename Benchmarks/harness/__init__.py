"""Shared parts of the benchmark drivers: tasks and their data, scoring, interleaved timing, peers."""
