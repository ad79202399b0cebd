"""What the command line, the window and the page share; it uses no toolkit of a front end."""
