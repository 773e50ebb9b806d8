"""An exit towards its targets: names, policy, connects."""
