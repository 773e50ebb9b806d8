"""Dials what lives long: lines, and proxies in front of them. With trio; targets are dialled by `relay.exit`."""
