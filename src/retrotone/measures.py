"""The measures of a comparison: what they are called and what they mean; `retrotone.metrics` computes them."""

# Fields of a row, and their names in tables.
MEASURES = {
    "style_gain": "style gain",
    "envelope_gain": "envelope gain",
    "chroma_cosine": "chroma cosine",
    "onset_f1": "onset F1",
}
MEANINGS = {
    "style_gain": "How far the texture has come from the first version (0) to the style (1), by Gram matrices of a "
    "random network.",
    "envelope_gain": "The same for timbre and dynamics, by the Fréchet distance between log-mel frames.",
    "chroma_cosine": "How well the harmony was kept: the cosine between chromagrams. 1 is the first version's; "
    "unrelated pieces have about 0.7.",
    "onset_f1": "How well the rhythm was kept: the F1 score of note onsets within 50 ms. 1 is the first version's.",
}
