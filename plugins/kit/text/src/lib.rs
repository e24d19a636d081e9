//! Text: datasets, templates, tokenization, packing into training blocks.
