//! The weights of a layer, as a visitor sees them.

use olive_kit_checkpoint::{Checkpoint, Decoder, LayerLinears, Linear};
use olive_kit_decoder::{LayerStages, Norm};

use crate::error::CalibrateError;
use crate::order::Order;
use crate::site::Site;

/// The weights of one layer, or of the logits, in f32; what is written is computed with afterwards.
#[derive(Debug)]
pub struct LayerWeights<'a> {
    index: Option<usize>,
    /// Linear layers of each site.
    linears: Vec<(Site, Vec<Linear>)>,
    /// Tensor name of the norm that makes the input of a site.
    norms: Vec<(Site, String)>,
    modules: Modules<'a>,
    order: Order,
    site: Site,
    is_outdated: bool,
}

#[derive(Debug)]
enum Modules<'a> {
    Layer(Box<LayerStages>),
    Logits { checkpoint: &'a Checkpoint, norm: Norm, replaced: Option<Vec<f32>> },
}

impl<'a> LayerWeights<'a> {
    /// The layer number `index`.
    pub(crate) fn of_layer(
        checkpoint: &'a Checkpoint,
        index: usize,
        order: Order,
    ) -> Result<Self, CalibrateError> {
        let decoder = checkpoint.decoder();
        let LayerLinears { qkv, output, gate_up, down } = decoder.layer_linears(index);
        let linears = vec![
            (Site::Qkv, qkv),
            (Site::Output, vec![output]),
            (Site::GateUp, gate_up),
            (Site::Down, vec![down]),
        ];
        let norms = decoder.norms(index);
        let norms = vec![(Site::Qkv, norms.attention), (Site::GateUp, norms.mlp)];
        let modules = Modules::Layer(Box::new(LayerStages::load(checkpoint, index)?));
        let (index, site) = (Some(index), Site::Qkv);
        Ok(Self { index, linears, norms, modules, order, site, is_outdated: false })
    }

    /// The last norm and the weight of the logits, which is read when it is asked for.
    pub(crate) fn of_logits(checkpoint: &'a Checkpoint) -> Result<Self, CalibrateError> {
        let norm = Norm::load(checkpoint, Decoder::FINAL_NORM)?;
        let site = Site::LmHead;
        Ok(Self {
            index: None,
            linears: vec![(site, vec![checkpoint.decoder().lm_head()])],
            norms: vec![(site, Decoder::FINAL_NORM.to_owned())],
            modules: Modules::Logits { checkpoint, norm, replaced: None },
            order: Order::WholeLayer,
            site,
            is_outdated: false,
        })
    }

    /// The layer, from 0; `None` of the logits.
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// Linear layers that read the input of a site; none of a site that is elsewhere.
    ///
    /// The one of [`Site::LmHead`] is called like the embedding where they share their weight.
    pub fn linears(&self, site: Site) -> &[Linear] {
        let found = self.linears.iter().find(|(of, _)| *of == site);
        found.map_or(&[], |(_, linears)| linears.as_slice())
    }

    /// The weight of the linear layer at this module path, `[out_features, in_features]`.
    ///
    /// # Errors
    /// When it is none of this layer, or cannot be read.
    pub fn weight(&self, module: &str) -> Result<Vec<f32>, CalibrateError> {
        let (_, linear) = self.linear(module)?;
        match &self.modules {
            Modules::Layer(stages) => stages.weight(module).ok_or_else(|| self.no_module(module)),
            Modules::Logits { replaced: Some(values), .. } => Ok(values.clone()),
            Modules::Logits { checkpoint, .. } => {
                let values = checkpoint.linear(linear)?.to_f32().into_owned();
                checkpoint.release(&linear.weight());
                Ok(values)
            }
        }
    }

    /// The bias of the linear layer at this module path, `[out_features]`, if it adds one.
    pub fn bias(&self, module: &str) -> Option<&[f32]> {
        match &self.modules {
            Modules::Layer(stages) => stages.bias(module),
            Modules::Logits { .. } => None,
        }
    }

    /// The norm that makes the input of a site; attention and the gate make those of others.
    pub fn norm(&self, site: Site) -> Option<&Norm> {
        match (&self.modules, site) {
            (Modules::Layer(stages), Site::Qkv) => Some(stages.attention_norm()),
            (Modules::Layer(stages), Site::GateUp) => Some(stages.mlp_norm()),
            (Modules::Logits { norm, .. }, Site::LmHead) => Some(norm),
            (Modules::Layer(_), Site::Output | Site::Down | Site::LmHead)
            | (Modules::Logits { .. }, Site::Qkv | Site::Output | Site::GateUp | Site::Down) => {
                None
            }
        }
    }

    /// Tensor name of [`LayerWeights::norm`].
    pub fn norm_name(&self, site: Site) -> Option<&str> {
        let found = self.norms.iter().find(|(of, _)| *of == site);
        found.map(|(_, name)| name.as_str())
    }

    /// Puts other values in the place of a weight, `[out_features, in_features]`.
    ///
    /// # Errors
    /// When the module is none of this layer, has another number of values, or is computed with no
    /// more: see [`Order`].
    pub fn replace_weight(&mut self, module: &str, values: &[f32]) -> Result<(), CalibrateError> {
        let (site, linear) = self.linear(module)?;
        let expected = linear.out_features * linear.in_features;
        self.accept(site, module, values.len(), expected)?;
        match &mut self.modules {
            Modules::Layer(stages) => {
                stages.replace_weight(module, values);
            }
            Modules::Logits { replaced, .. } => *replaced = Some(values.to_vec()),
        }
        Ok(())
    }

    /// Puts other values in the place of a bias, `[out_features]`.
    ///
    /// # Errors
    /// As [`LayerWeights::replace_weight`], and when the module adds no bias.
    pub fn replace_bias(&mut self, module: &str, values: &[f32]) -> Result<(), CalibrateError> {
        let (site, linear) = self.linear(module)?;
        let expected = if linear.has_bias { linear.out_features } else { 0 };
        self.accept(site, module, values.len(), expected)?;
        if let Modules::Layer(stages) = &mut self.modules {
            stages.replace_bias(module, values);
        }
        Ok(())
    }

    /// Puts other values in the place of [`Norm::weight`] of the norm that makes the input of a
    /// site.
    ///
    /// # Errors
    /// As [`LayerWeights::replace_weight`].
    pub fn replace_norm(&mut self, site: Site, values: &[f32]) -> Result<(), CalibrateError> {
        let (Some(name), Some(norm)) = (self.norm_name(site), self.norm(site)) else {
            return Err(self.no_module(&format!("the norm of {site}")));
        };
        let (name, expected) = (name.to_owned(), norm.weight().len());
        self.accept(site, &name, values.len(), expected)?;
        match (&mut self.modules, site) {
            (Modules::Layer(stages), Site::Qkv) => stages.attention_norm_mut().replace(values),
            (Modules::Layer(stages), _) => stages.mlp_norm_mut().replace(values),
            (Modules::Logits { norm, .. }, _) => norm.replace(values),
        }
        Ok(())
    }

    /// The layer, to compute with.
    ///
    /// # Panics
    /// Of the logits, which nothing is computed with.
    pub(crate) fn stages(&self) -> &LayerStages {
        match &self.modules {
            Modules::Layer(stages) => stages,
            Modules::Logits { .. } => unreachable!("only layers have stages"),
        }
    }

    /// Says that `site` is visited now.
    pub(crate) fn begin(&mut self, site: Site) {
        (self.site, self.is_outdated) = (site, false);
    }

    /// Whether what the inputs of the site were computed with was written since.
    pub(crate) fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    fn linear(&self, module: &str) -> Result<(Site, &Linear), CalibrateError> {
        let mut all = self
            .linears
            .iter()
            .flat_map(|(site, linears)| linears.iter().map(move |linear| (*site, linear)));
        all.find(|(_, linear)| linear.name == module).ok_or_else(|| self.no_module(module))
    }

    fn no_module(&self, module: &str) -> CalibrateError {
        CalibrateError::NoModule { module: module.to_owned(), layer: self.index }
    }

    /// Refuses values that do not fit a module of `site`, or come too late.
    fn accept(
        &mut self,
        site: Site,
        module: &str,
        found: usize,
        expected: usize,
    ) -> Result<(), CalibrateError> {
        let module = || module.to_owned();
        if found != expected {
            return Err(CalibrateError::Length { module: module(), found, expected });
        }
        if self.order == Order::WholeLayer || site >= self.site {
            return Ok(());
        }
        // What made the input of this site is computed again; the stream has gone past the rest.
        let makes_input =
            matches!((site, self.site), (Site::Qkv, Site::Output) | (Site::GateUp, Site::Down));
        if !makes_input {
            return Err(CalibrateError::TooLate { module: module(), site: self.site });
        }
        self.is_outdated = true;
        Ok(())
    }
}
