"""``retrotone web``: the workbench as a page for a browser (extra ``web``)."""
