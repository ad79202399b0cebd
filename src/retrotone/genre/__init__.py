"""Genre: the bundled classifier, networks from scratch, data sets, training and evaluation."""
