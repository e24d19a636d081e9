//! Decoders by their definition, in f64, one sequence at a time.

use olive_kit_calibrate::Site;
use olive_kit_checkpoint::{Activation, Decoder, Linear};

/// What each site is given, `[tokens, width]`, by layer and site; and the logits.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) inputs: Vec<(Option<usize>, Site, Vec<f64>)>,
    pub(crate) logits: Vec<f64>,
}

/// A decoder with its tensors by name.
pub(crate) struct ByDefinition<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) tensor: &'a dyn Fn(&str) -> Vec<f32>,
}

type Rows = Vec<Vec<f64>>;

impl ByDefinition<'_> {
    pub(crate) fn run(&self, tokens: &[u32]) -> Trace {
        let (decoder, mut trace) = (self.decoder, Trace::default());
        let width = decoder.hidden_size;
        let embedding = self.tensor(Decoder::EMBEDDING);
        let scale = decoder.embedding_scale_in(olive_kit_checkpoint::Dtype::F32).unwrap_or(1.0);
        let row = |token: &u32| {
            let row = &embedding[*token as usize * width..][..width];
            row.iter().map(|value| value * f64::from(scale)).collect()
        };
        let mut hidden: Rows = tokens.iter().map(row).collect();
        for index in 0..decoder.num_layers {
            self.attention(index, &mut hidden, &mut trace);
            self.mlp(index, &mut hidden, &mut trace);
        }
        let normed = self.norm(Decoder::FINAL_NORM, &hidden);
        trace.add(None, Site::LmHead, &normed);
        let mut logits = self.linear(&decoder.lm_head(), &normed).concat();
        if let Some(cap) = decoder.logit_softcap {
            for logit in &mut logits {
                *logit = cap * (*logit / cap).tanh();
            }
        }
        trace.logits = logits;
        trace
    }

    fn attention(&self, index: usize, hidden: &mut [Vec<f64>], trace: &mut Trace) {
        let (decoder, norms) = (self.decoder, self.decoder.norms(index));
        let normed = self.norm(&norms.attention, hidden);
        trace.add(Some(index), Site::Qkv, &normed);
        let linears = decoder.layer_linears(index);
        let mut qkv = self.side_by_side(&linears.qkv, &normed);
        let (dim, num_heads) = (decoder.head_dim, decoder.num_heads);
        let num_kv_heads = decoder.num_kv_heads;
        let turned = num_heads + num_kv_heads;
        for (position, row) in qkv.iter_mut().enumerate() {
            for (head, values) in row.chunks_mut(dim).take(turned).enumerate() {
                if let Some([of_queries, of_keys]) = &norms.heads {
                    let name = if head < num_heads { of_queries } else { of_keys };
                    values.copy_from_slice(&self.norm(name, &[values.to_vec()])[0]);
                }
                self.turn(values, position, hidden.len());
            }
        }
        let attended: Rows =
            (0..qkv.len()).map(|position| self.attended(index, &qkv, position)).collect();
        trace.add(Some(index), Site::Output, &attended);
        let output = self.linear(&linears.output, &attended);
        add(
            hidden,
            norms.attention_output.map_or(output.clone(), |name| self.norm(&name, &output)),
        );
    }

    fn mlp(&self, index: usize, hidden: &mut [Vec<f64>], trace: &mut Trace) {
        let (decoder, norms) = (self.decoder, self.decoder.norms(index));
        let normed = self.norm(&norms.mlp, hidden);
        trace.add(Some(index), Site::GateUp, &normed);
        let linears = decoder.layer_linears(index);
        let activate = |gate: f64| match decoder.activation {
            Activation::Silu => gate / (1.0 + (-gate).exp()),
            Activation::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (gate + 0.044_715 * gate.powi(3));
                0.5 * gate * (1.0 + inner.tanh())
            }
        };
        let gated: Rows = self
            .side_by_side(&linears.gate_up, &normed)
            .iter()
            .map(|row| {
                let (gate, up) = row.split_at(decoder.intermediate_size);
                gate.iter().zip(up).map(|(gate, up)| activate(*gate) * up).collect()
            })
            .collect();
        trace.add(Some(index), Site::Down, &gated);
        let output = self.linear(&linears.down, &gated);
        add(hidden, norms.mlp_output.map_or(output.clone(), |name| self.norm(&name, &output)));
    }

    /// What the heads give at one position.
    fn attended(&self, index: usize, qkv: &[Vec<f64>], position: usize) -> Vec<f64> {
        let decoder = self.decoder;
        let (dim, group) = (decoder.head_dim, decoder.num_heads / decoder.num_kv_heads);
        let first = (position + 1).saturating_sub(decoder.window(index).unwrap_or(usize::MAX));
        let mut attended = Vec::new();
        for head in 0..decoder.num_heads {
            let query = &qkv[position][head * dim..][..dim];
            let key_column = decoder.query_width() + head / group * dim;
            let value_column = key_column + decoder.kv_width();
            let score = |key: &Vec<f64>| {
                let score = dot(query, &key[key_column..][..dim]) * decoder.attention_scale;
                decoder.attention_softcap.map_or(score, |cap| cap * (score / cap).tanh()).exp()
            };
            let scores: Vec<f64> = qkv[first..=position].iter().map(score).collect();
            let sum: f64 = scores.iter().sum();
            attended.extend((0..dim).map(|column| {
                let values = scores.iter().zip(&qkv[first..]);
                values.map(|(score, row)| score / sum * row[value_column + column]).sum::<f64>()
            }));
        }
        attended
    }

    fn turn(&self, head: &mut [f64], position: usize, len: usize) {
        let rope = &self.decoder.rope;
        let (cos, sin) = rope.tables(position..position + 1, len);
        let half = rope.rotary_dim / 2;
        for pair in 0..half {
            let (x, y) = (head[pair], head[pair + half]);
            let (cos, sin) = (f64::from(cos[pair]), f64::from(sin[pair]));
            (head[pair], head[pair + half]) = (x * cos - y * sin, y * cos + x * sin);
        }
    }

    fn norm(&self, name: &str, rows: &[Vec<f64>]) -> Rows {
        let offset = if self.decoder.norm_adds_one { 1.0 } else { 0.0 };
        let weight = self.tensor(name);
        let norm = |row: &Vec<f64>| {
            let mean = dot(row, row) / row.len() as f64;
            let factor = (mean + self.decoder.norm_epsilon).sqrt().recip();
            row.iter().zip(&weight).map(|(x, w)| x * factor * (w + offset)).collect()
        };
        rows.iter().map(norm).collect()
    }

    fn linear(&self, linear: &Linear, rows: &[Vec<f64>]) -> Rows {
        let weight = self.tensor(&linear.weight());
        let bias = linear.bias().map(|name| self.tensor(&name));
        let of_row = |row: &Vec<f64>| {
            let outputs = weight.chunks(linear.in_features).enumerate();
            outputs
                .map(|(at, weight)| dot(weight, row) + bias.as_ref().map_or(0.0, |bias| bias[at]))
                .collect()
        };
        rows.iter().map(of_row).collect()
    }

    /// Outputs of several linear layers, one after the other in each row.
    fn side_by_side(&self, linears: &[Linear], rows: &[Vec<f64>]) -> Rows {
        let parts: Vec<Rows> = linears.iter().map(|linear| self.linear(linear, rows)).collect();
        let joined = |row: usize| parts.iter().flat_map(|part| part[row].clone()).collect();
        (0..rows.len()).map(joined).collect()
    }

    fn tensor(&self, name: &str) -> Vec<f64> {
        (self.tensor)(name).into_iter().map(f64::from).collect()
    }
}

impl Trace {
    fn add(&mut self, layer: Option<usize>, site: Site, rows: &[Vec<f64>]) {
        self.inputs.push((layer, site, rows.concat()));
    }
}

fn add(hidden: &mut [Vec<f64>], output: Rows) {
    for (hidden, output) in hidden.iter_mut().flatten().zip(output.into_iter().flatten()) {
        *hidden += output;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
