"""This checkout beside an earlier one of itself, in turns: whether small losses add up."""
