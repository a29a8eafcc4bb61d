"""Use cases that get their adapters when the program starts: real ones, or ones for a test."""
