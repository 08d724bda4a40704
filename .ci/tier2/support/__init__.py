"""Stores, loads and audits of the second tier."""
