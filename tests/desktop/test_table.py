"""Tables that scroll."""

from __future__ import annotations

from retrotone.desktop.app import make_root
from retrotone.desktop.table import Table
from retrotone.desktop.theme import Theme


def test_a_selected_row_is_in_view_however_often_the_rows_are_replaced(screen: str) -> None:
    root = make_root()
    table = Table(root, Theme(root, "light", 100), [("song", 200)], 2)
    table.pack()
    for _ in range(3):
        table.fill({str(row): [f"song {row}"] for row in range(4)})
        table.select("3")
        root.update()
        root.update()
        assert table.tree.bbox("3")
    root.destroy()
