"""An app as a site would add it: its own tasks, run by real clusters in the tests of the engine."""
