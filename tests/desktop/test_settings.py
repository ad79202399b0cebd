"""The settings file of the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrotone.desktop.settings import Settings, settings_path


@pytest.mark.parametrize("damage", ["", "[]", '{"theme": 3, "strength": 900}', '{"theme": "dark"'])
def test_damaged_settings_are_as_new(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(damage)
    settings = Settings.load()
    assert settings.theme == "light"
    assert 0 <= settings.strength <= 100


def test_the_style_of_an_older_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text('{"way": "era 1950s"}')
    Settings.load().save()
    assert Settings.load().style == "era 1950s"
