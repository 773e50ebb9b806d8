"""What every node does: it lets carriers in, passes them on over its own lines, and ends them in sessions."""
