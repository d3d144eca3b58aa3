"""The reference terminal: pure logic here, input and output in `edge`, thousands in `swarm`.

Rules. The core takes bytes, values and `now`, as the verifier's core does; firmware teams read it
as the example to follow.
"""
