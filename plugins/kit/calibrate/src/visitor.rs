//! Who looks at the sites of a model.

use crate::error::CalibrateError;
use crate::inputs::Inputs;
use crate::site::Site;
use crate::weights::LayerWeights;

/// Looks at each site of a model, in order of computation, and may replace weights.
pub trait Visitor {
    /// Why a visit fails.
    type Error: From<CalibrateError>;

    /// Takes rows of the embedding as they are stored, `[tokens, hidden_size]`, and may replace
    /// them: by what they will be when the embedding is quantized. A token may come again.
    ///
    /// # Errors
    /// When they cannot be made; that ends the walk.
    fn embedding(&mut self, _rows: &mut [f32]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Takes a site with its `inputs`, which may be walked several times, and the weights of its
    /// `layer`, which may be replaced.
    ///
    /// # Errors
    /// When the visit fails; that ends the walk.
    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), Self::Error>;
}
