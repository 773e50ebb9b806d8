"""The words of the network as values: nodes, lines, walks, and why a stream failed. Imports nothing of ours."""
