"""Lists of names and networks that people publish: read from their formats, and asked whether a target is on one.

Each format is a reader of its own, which fills `Entries`; `TargetSet` is made of them once and then only asked. Nothing
here opens a file, resolves a name or keeps a clock, but `load`, which reads the files that paths.toml names.
"""
