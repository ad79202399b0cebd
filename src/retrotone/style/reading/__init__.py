"""Reading the medium of a record: what its machine did, told apart from its music."""
