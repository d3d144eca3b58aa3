"""All that a terminal and the fleet agree on: topics, messages, commands, result codes.

A leaf: it imports nothing of ours, so that a terminal, the fleet and a test can all stand on it.
For people who write a terminal in another language: docs/terminal-contract.md.
"""
