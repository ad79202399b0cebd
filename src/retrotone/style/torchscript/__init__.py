"""Recording media as TorchScript modules: the stages of `retrotone.style.media`, one by one, in PyTorch."""
