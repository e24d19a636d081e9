//! Archives that must be refused.
