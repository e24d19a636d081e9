//! What the methods make of the matrices of a layer, site by site.

mod awq;
mod clip;
mod gptq;
mod smooth;
mod source;
pub(crate) mod table;

use olive_kit_calibrate::{Inputs, LayerWeights, Site, Visitor};
use olive_kit_checkpoint::{Decoder, Dtype, Linear, LinearRole};
use olive_kit_quant::ScaleType;
use olive_kit_solve::{Coded, Grid, Moments, k_quant, nearest, output_error};
use olive_plugin_api::Diagnostic;

use crate::config::Method;
use crate::error::QuantizeError;
use crate::made::Made;
use crate::output::Output;
use crate::report::Report;
use crate::targets::Targets;
use table::Table;

/// A model at work: what is to be made, what is made of the layer at hand, what is written.
pub(crate) struct Work<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) method: Method<'a>,
    pub(crate) targets: &'a Targets,
    /// Type of scales; `None` where weights stay in floats.
    pub(crate) scale_type: Option<Dtype>,
    /// The embedding, where it is solved for the logits.
    pub(crate) table: Option<Table>,
    pub(crate) made: Made,
    pub(crate) output: Output<'a>,
    pub(crate) report: Report<'a>,
}

/// A linear layer at a site, and its weight.
pub(crate) struct Matrix {
    /// What the layer is called where it is computed.
    pub(crate) linear: Linear,
    /// What it is called where it is written.
    pub(crate) path: String,
    /// Its weight, `[n, k]`.
    pub(crate) weight: Vec<f32>,
    /// Its grid; `None` where it stays in floats.
    pub(crate) grid: Option<Grid>,
}

impl Work<'_> {
    /// Codes of a weight by a method that needs no inputs; that of embeddings for all others.
    ///
    /// # Errors
    /// When the weight does not fit the grid.
    pub(crate) fn without_inputs(
        &self,
        path: &str,
        weight: &[f32],
        [n, k]: [usize; 2],
        grid: Grid,
    ) -> Result<Coded, QuantizeError> {
        let made = match self.method {
            Method::KQuant => k_quant(weight, n, k, grid),
            Method::Nearest
            | Method::Gptq(_)
            | Method::Awq(_)
            | Method::Clip(_)
            | Method::Smooth(_) => nearest(weight, n, k, grid),
        };
        self.with_scales(path, made.map_err(QuantizeError::of(path))?)
    }

    /// Codes of rows of the embedding, `[n, k]`.
    ///
    /// # Errors
    /// When the rows do not fit the grid.
    pub(crate) fn of_embedding(
        &self,
        rows: &[f32],
        shape: [usize; 2],
        grid: Grid,
    ) -> Result<Coded, QuantizeError> {
        let path = Decoder::EMBEDDING_MODULE;
        match &self.table {
            Some(table) => self.with_scales(path, table.solve(rows, shape)?),
            None => self.without_inputs(path, rows, shape, grid),
        }
    }

    /// The same codes with scales of the type that is written.
    ///
    /// # Errors
    /// When a scale is beyond its range.
    pub(crate) fn with_scales(&self, path: &str, mut coded: Coded) -> Result<Coded, QuantizeError> {
        let scale_type = match self.scale_type {
            None | Some(Dtype::F32) => return Ok(coded),
            Some(Dtype::F16) => ScaleType::F16,
            Some(Dtype::BF16) => ScaleType::Bf16,
        };
        for scale in &mut coded.scales {
            let rounded = scale_type.round(*scale);
            if !rounded.is_finite() {
                let message = format!("a scale of `{path}` is {scale}, beyond 16-bit floats");
                let problem = Diagnostic::error("quantization", "/checkpoint_format", message);
                return Err(problem.with_help("write the layout `olive` in 32-bit floats").into());
            }
            *scale = rounded;
        }
        Ok(coded)
    }

    /// Linear layers of a site with their weights; none where all stay as they are.
    pub(crate) fn matrices(
        &self,
        site: Site,
        layer: &LayerWeights<'_>,
    ) -> Result<Vec<Matrix>, QuantizeError> {
        let path = |linear: &Linear| match site {
            Site::LmHead => Decoder::LM_HEAD_MODULE.to_owned(),
            Site::Qkv | Site::Output | Site::GateUp | Site::Down => linear.name.clone(),
        };
        let linears = layer.linears(site);
        if linears.iter().all(|linear| self.targets.grid(&path(linear)).is_none()) {
            return Ok(Vec::new());
        }
        let matrices = linears.iter().map(|linear| -> Result<Matrix, QuantizeError> {
            let path = path(linear);
            let (weight, grid) = (layer.weight(&linear.name)?, self.targets.grid(&path));
            Ok(Matrix { linear: linear.clone(), path, weight, grid })
        });
        matrices.collect()
    }

    /// Takes the codes of a matrix: measures them, and has all that follows computed with them; nothing
    /// follows the logits.
    pub(crate) fn take(
        &mut self,
        matrix: &Matrix,
        coded: Coded,
        moments: &Moments,
        layer: &mut LayerWeights<'_>,
    ) -> Result<(), QuantizeError> {
        let coded = self.with_scales(&matrix.path, coded)?;
        let made = coded.dequantize();
        self.measure(matrix, &made, moments)?;
        if matrix.linear.role != LinearRole::LmHead {
            layer.replace_weight(&matrix.linear.name, &made)?;
        }
        self.made.keep_codes(&matrix.path, coded);
        Ok(())
    }

    /// Reports the error of the outputs of a matrix when `made` is in its place.
    pub(crate) fn measure(
        &mut self,
        matrix: &Matrix,
        made: &[f32],
        moments: &Moments,
    ) -> Result<(), QuantizeError> {
        let Linear { out_features: n, in_features: k, .. } = matrix.linear;
        let error = output_error(&matrix.weight, made, n, k, moments);
        self.report.matrix(&matrix.path, error.map_err(QuantizeError::of(&matrix.path))?);
        Ok(())
    }

    /// Writes a layer that is done.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(crate) fn end_layer(&mut self, index: usize) -> Result<(), QuantizeError> {
        self.report.layer(index);
        Ok(self.output.write(&format!("model.layers.{index}."), &mut self.made)?)
    }
}

impl Visitor for Work<'_> {
    type Error = QuantizeError;

    fn embedding(&mut self, rows: &mut [f32]) -> Result<(), QuantizeError> {
        let (Some(grid), Some(_)) = (self.targets.embedding, self.scale_type) else {
            return Ok(());
        };
        let k = self.decoder.hidden_size;
        let shape = [rows.len() / k, k];
        let coded = self.of_embedding(rows, shape, grid)?;
        rows.copy_from_slice(&coded.dequantize());
        Ok(())
    }

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), QuantizeError> {
        match self.method {
            Method::Gptq(settings) => gptq::visit(self, settings, site, layer, inputs)?,
            Method::Awq(settings) => awq::visit(self, settings, site, layer, inputs)?,
            Method::Clip(settings) => clip::visit(self, settings, site, layer, inputs)?,
            Method::Smooth(settings) => smooth::visit(self, settings, site, layer, inputs)?,
            Method::Nearest | Method::KQuant => {}
        }
        match (site, layer.index()) {
            (Site::Down, Some(index)) => self.end_layer(index),
            (Site::LmHead, _) => {
                self.report.single(Decoder::LM_HEAD_MODULE);
                Ok(())
            }
            (Site::Qkv | Site::Output | Site::GateUp | Site::Down, _) => Ok(()),
        }
    }
}

/// What is known of the inputs of a site; `path` is a layer there.
///
/// # Errors
/// When inputs cannot be read, or are not finite.
pub(crate) fn moments(inputs: &mut Inputs<'_>, path: &str) -> Result<Moments, QuantizeError> {
    let mut moments = Moments::new(inputs.width());
    inputs.each(|rows| moments.add(rows).map_err(QuantizeError::of(path)))?;
    Ok(moments)
}
