"""A line that is being typed, for a terminal whose screen is redrawn meanwhile. Pure: keys in, finished lines out."""

BACKSPACE = "\x7f\b"
KILL_LINE = "\x15"
KILL_WORD = "\x17"
END = "\x04"


class Editor:
    """Collects keys to lines."""

    def __init__(self) -> None:
        self.text = ""
        """What has been typed of the next line."""
        self.has_ended = False
        """Ctrl-D on an empty line."""
        self._escape = False

    def feed(self, keys: str) -> list[str]:
        """The lines that *keys* finish."""
        lines = []
        for key in keys:
            if key in "\r\n":
                lines.append(self.text)
                self.text = ""
            else:
                self._press(key)
        return lines

    def _press(self, key: str) -> None:
        if self._escape:  # arrows and the like: ESC [ … ends with a letter or ~
            self._escape = not (key.isalpha() or key == "~") or key == "O"
        elif key == "\x1b":
            self._escape = True
        elif key in BACKSPACE:
            self.text = self.text[:-1]
        elif key == KILL_LINE:
            self.text = ""
        elif key == KILL_WORD:
            self.text = self.text.rstrip().rpartition(" ")[0]
        elif key == END:
            self.has_ended = self.has_ended or not self.text
        elif key.isprintable():
            self.text += key
