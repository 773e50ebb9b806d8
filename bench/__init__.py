"""Measurements that print what they measured and against what: `python -m bench --help`.

Everything runs on this machine, from the project alone: a load generator in C (bench/load), the programs beside us
(bench/peers), what is measured (bench/measures), and the report in docs/, which is generated and never typed.
"""
