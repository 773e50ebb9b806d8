"""What rules cost: a thousand of them and long lists, beside none."""
