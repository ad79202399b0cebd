"""The study that retrotone grew from, repeated: its loss, its networks, its report."""
