"""Local HTTP stand-ins for the vendors, for tests and for the demo. Standard library only."""
