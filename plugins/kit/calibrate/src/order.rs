//! Which weights are computed with.

/// With which weights of a layer the inputs of its sites are computed. Those of earlier layers are
/// what the visitor made of them in either order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// With what the visitor made of earlier sites.
    ///
    /// At a site the weights of this and of later ones can be replaced, and those that make the
    /// input of this one: query, key and value at attention output, gate and up at down.
    #[default]
    TrueSequential,
    /// With the layer as it was: all of its weights can be replaced at each site, and the stream
    /// moves past it when the last one was visited. It computes each layer twice.
    ///
    /// Gate, up and their norm make the inputs of down after attention output was visited, so they
    /// must be left alone until then.
    WholeLayer,
}
