//! Training: adapters, optimizer, schedules, the loop.
