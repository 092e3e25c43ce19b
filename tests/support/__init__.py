"""What the tests and the demo measure with, and what they start programs with."""
