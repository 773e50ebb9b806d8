"""Changes to the text of a paths.toml, as a person makes them."""


def with_table(text: str, header: str, *entries: str) -> str:
    """With one table more."""
    return "\n".join([text, header, *entries, ""])


def without_line(text: str, name: str) -> str:
    """Without the line *name*."""
    tables = text.split("\n\n")
    kept = [table for table in tables if not table.startswith(f"[line.{name}]")]
    assert len(kept) == len(tables) - 1
    return "\n\n".join(kept)


def with_entry(text: str, header: str, entry: str) -> str:
    """With one entry more in the table *header*."""
    assert text.count(f"{header}\n") == 1
    return text.replace(f"{header}\n", f"{header}\n{entry}\n")
