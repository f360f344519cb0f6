"""Fakes that pass the same suites as the real adapters, and what tests of services share."""
