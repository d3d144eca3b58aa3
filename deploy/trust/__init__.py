"""Who is trusted, edited by people: the trust source, root documents, keys beside keys.

Everything that decides is pure and the verifier's (`verifier.trust.lists`, `verifier.issuing`);
here are the files: the data folder's trust source, root file and keys, written as their owner,
whole or not at all, mode 0600, one editor at a time. Documents: docs/trust.md, docs/keys.md.
"""
