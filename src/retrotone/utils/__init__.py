"""What every layer may use: whole files, temporary files, text for people, page templates, threads and assets."""
