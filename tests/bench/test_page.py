"""bench page: its command line, and that the page it measures is served."""

from pathlib import Path

import pytest

from bench.__main__ import APART, run_apart
from bench.page.paged import TOKEN, Paged
from ingress.config import read_file
from ingress.web.files import read_web_files
from ingress.web.sessions import digest_of


def test_it_is_one_of_the_measures_with_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "page" in APART
    with pytest.raises(SystemExit) as ended:
        run_apart("page", ["--help"])
    assert ended.value.code == 0 and "--rounds" in capsys.readouterr().out


def test_what_it_adds_to_the_file_is_a_page_with_a_token(tmp_path: Path) -> None:
    file = tmp_path / "paths.toml"
    peer = Paged(tmp_path, 9090)
    file.write_text(
        f'version = 1\n[ingress.entry]\nlisten = "127.0.0.1:1080"\n{peer.extra}'
        '[node.exit]\nexit = true\naddress = "203.0.113.1:7443"\n[line.one]\nfrom = "entry"\nto = "exit"\n'
    )
    web = read_file(file).ingresses["entry"].web
    assert web is not None and web.listen[0].port == peer.page
    assert read_web_files(web).token == digest_of(TOKEN)
