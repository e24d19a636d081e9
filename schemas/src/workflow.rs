//! The workflow in its one normalized form: every era of config is upgraded to this.
