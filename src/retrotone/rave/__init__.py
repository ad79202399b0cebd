"""RAVE models: run, train and export them, and walk through their latent spaces."""
