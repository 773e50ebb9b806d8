"""The trio tasks of a node, which own lifetimes: dialling, accepting, carriers, names. The bytes are the engine's."""
