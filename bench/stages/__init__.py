"""Where the CPU of a connection goes: the public commands, run with a clock around the functions of each stage.

`table` says which functions stand for which stage and what each may cost, `clock` charges time to one stage at a
time, `snapshot` carries its readings from the process to the measure, and `python -m bench.stages` is the wrapper
that starts a command so. The product knows nothing of it.
"""
