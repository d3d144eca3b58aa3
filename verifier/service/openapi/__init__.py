"""The doors of a scan worker as OpenAPI 3.1: a table of operations, and what is made of it.

`python -m verifier.service.openapi` writes docs/openapi-verifier.json and .md; bodies and answers
come from the message types, so they cannot differ. Nothing here runs in a service.
"""
