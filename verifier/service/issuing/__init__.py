"""The issuing process: the only one that holds keys of issuer, status and bundles.

It draws indices, signs credentials, keeps the planes, and publishes signed bundles from
which workers and terminals take them. One such process runs at a time.
"""
