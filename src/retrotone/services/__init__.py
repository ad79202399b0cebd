"""What the command line, the window and the page share, free of any toolkit."""
