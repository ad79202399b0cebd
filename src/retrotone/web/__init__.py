"""``retrotone web``: a page for the browser (extra ``web``)."""
