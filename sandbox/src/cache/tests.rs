//! What a cache believes, and what not.
