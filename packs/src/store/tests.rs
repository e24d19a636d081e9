//! What a store keeps, and what it refuses.
