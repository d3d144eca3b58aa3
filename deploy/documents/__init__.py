"""Makers of what is drawn in the documents: the picture of the house and the diagrams of states.

Run by `.ci/generated`; a test compares what they make with what is kept.
"""
