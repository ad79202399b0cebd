"""What recording media do to sound, one stage after another."""
