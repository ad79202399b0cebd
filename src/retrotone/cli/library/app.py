"""``retrotone library``: scan folders of music, and search them by sound."""

from __future__ import annotations

import typer

from retrotone.cli.library import queries, serve, tagging, upkeep

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Scan folders of music, and search them by sound.")
# --help lists them in this order
app.command("scan")(upkeep.scan_folders)
app.command("similar")(queries.show_similar)
app.command("path")(queries.show_path)
app.command("playlist")(queries.show_playlist)
app.command("search")(queries.search_library)
app.command("duplicates")(upkeep.show_duplicates)
app.command("map")(upkeep.draw_map)
app.command("genres")(upkeep.suggest_genres)
app.command("tag")(tagging.tag_files)
app.command("check")(upkeep.check_library)
app.command("export")(queries.export_library)
app.command("serve")(serve.serve_library)
