"""What is measured: a file for each measure, and all of them in the order of the report (`every`)."""
