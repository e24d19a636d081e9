//! Rules among the parts of a workflow that a schema cannot say.
