//! Changes of files that last: each is synced, and each is a point at which a test can stop the
//! program for good.
