"""The networks of which a RAVE is made; none of them reads or writes a file."""
