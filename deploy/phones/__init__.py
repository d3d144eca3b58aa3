"""`kapok holder`: plays people's phones against a running house; the product ships no phone app.

A phone here is a file with a key and credentials. It asks the house only through its doors, as an
app would; where somebody at a counter is needed, this machine's own key stands for them.
"""
