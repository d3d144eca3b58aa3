"""Who may sign what, when: keys, and the ordered, expiring, rollback-proof set of bundles."""
