"""What a running ingress tells of itself: rows of paths, lines and nodes, why a choice was made. Changes nothing."""
