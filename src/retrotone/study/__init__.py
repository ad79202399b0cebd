"""The study that retrotone grew from, told again: its loss, its networks, its report."""
