//! One layer: attention and MLP, each after a norm and added to its input, forward and backward.
//!
//! The backward is derived by hand. What the forward keeps for it are the layer's input, rotated
//! queries, keys and values, the attention, the stream between attention and MLP, and gate and up;
//! norms and the gate's product are computed again, which is cheaper than their memory.

use olive_kit_adapters::Gradients;
use olive_kit_checkpoint::{self as checkpoint, Activation};
use olive_kit_kernels::Accumulate;
use olive_kit_kernels::vector::{add, vectorized};

use crate::activations::Activations;
use crate::error::DecoderError;
use crate::gate;
use crate::heads::{Attention, Geometry};
use crate::linear::Linear;
use crate::norm::Norm;
use crate::parts::Parts;
use crate::pass::Pass;
use crate::rotary::Turn;
use crate::rows::{fit, for_each_row};
use crate::scratch::Scratch;
use crate::storage::Storage;
use crate::weights::Weights;

/// The weights of one layer.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Norm,
    /// One fused projection, or query, key and value.
    pub(crate) qkv: Vec<Linear>,
    /// Of each query head and of each key head.
    head_norms: Option<[Norm; 2]>,
    pub(crate) output: Linear,
    /// Of attention's output, where the family has one.
    attention_output_norm: Option<Norm>,
    pub(crate) mlp_norm: Norm,
    /// One fused projection, or gate and up.
    pub(crate) gate_up: Vec<Linear>,
    pub(crate) down: Linear,
    /// Of the MLP's output, where the family has one.
    mlp_output_norm: Option<Norm>,
    activation: Activation,
    pub(crate) geometry: Geometry,
    inner: usize,
}

/// What a pass writes to while it runs.
pub(crate) struct Room<'a> {
    pub(crate) pass: Pass<'a>,
    pub(crate) scratch: &'a mut Scratch,
}

impl Layer {
    pub(crate) fn load(
        weights: Weights<'_>,
        index: usize,
        storage: Storage,
        is_four_bit: impl Fn(&checkpoint::Linear) -> bool,
    ) -> Result<Self, DecoderError> {
        let decoder = weights.decoder();
        let load = |linear: &checkpoint::Linear| {
            let four_bit = storage.four_bit.filter(|_| is_four_bit(linear));
            Linear::load(weights, linear, Storage { four_bit, ..storage })
        };
        let linears = decoder.layer_linears(index);
        let norm = |name: &str| Norm::load(weights, name);
        let optional = |name: Option<String>| name.map(|name| norm(&name)).transpose();
        let norms = decoder.norms(index);
        let head_norms = match norms.heads {
            Some([queries, keys]) => Some([norm(&queries)?, norm(&keys)?]),
            None => None,
        };
        Ok(Self {
            attention_norm: norm(&norms.attention)?,
            qkv: linears.qkv.iter().map(load).collect::<Result<_, _>>()?,
            head_norms,
            output: load(&linears.output)?,
            attention_output_norm: optional(norms.attention_output)?,
            mlp_norm: norm(&norms.mlp)?,
            gate_up: linears.gate_up.iter().map(load).collect::<Result<_, _>>()?,
            down: load(&linears.down)?,
            mlp_output_norm: optional(norms.mlp_output)?,
            activation: decoder.activation,
            geometry: Geometry::of(decoder, storage.precision),
            inner: decoder.intermediate_size,
        })
    }

    /// Its linear layer at this module path.
    pub(crate) fn linear_mut(&mut self, module: &str) -> Option<&mut Linear> {
        let Self { qkv, output, gate_up, down, .. } = self;
        let mut linears = qkv.iter_mut().chain([output]).chain(gate_up).chain([down]);
        linears.find(|linear| linear.module == module)
    }

    /// Moves the residual stream `hidden`, `[rows, hidden_size]`, past this layer; what the
    /// backward needs stays in `kept`. `attend` rotates queries and keys and writes the attention.
    pub(crate) fn forward(
        &self,
        hidden: &mut [f32],
        kept: &mut Activations,
        room: &mut Room<'_>,
        attend: impl FnOnce(&mut Activations),
    ) {
        let rows = hidden.len() / self.output.out_features();
        fit(&mut kept.input, hidden.len()).copy_from_slice(hidden);
        let mut normed = room.scratch.take(hidden.len());
        self.project_heads(hidden, &mut normed, kept, room);
        fit(&mut kept.attended, rows * self.geometry.query_width());
        attend(kept);
        let of_output = &mut kept.attention_output;
        self.add_attention(hidden, &kept.attended, &mut normed, of_output, room);

        fit(&mut kept.middle, hidden.len()).copy_from_slice(hidden);
        let mut gated = room.scratch.take(rows * self.inner);
        self.gate(hidden, &mut normed, &mut gated, &mut kept.gate_up, room);
        self.add_mlp(hidden, &gated, &mut normed, &mut kept.mlp_output, room);
        room.scratch.give(gated);
        room.scratch.give(normed);
    }

    /// Writes queries, keys and values, heads normed, of the residual stream into `kept`; `normed`
    /// is what they are projected from.
    pub(crate) fn project_heads(
        &self,
        hidden: &[f32],
        normed: &mut [f32],
        kept: &mut Activations,
        room: &mut Room<'_>,
    ) {
        self.attention_norm.forward(hidden, normed, &room.pass);
        project(&self.qkv, normed, &mut kept.qkv, room);
        self.norm_heads(kept, &room.pass);
    }

    /// Adds attention's output to the residual stream; `output` is overwritten, and what was normed
    /// stays in `kept`.
    pub(crate) fn add_attention(
        &self,
        hidden: &mut [f32],
        attended: &[f32],
        output: &mut [f32],
        kept: &mut Vec<f32>,
        room: &mut Room<'_>,
    ) {
        let attended = self.output.input(attended);
        self.output.forward(&attended, output, &room.pass, room.scratch);
        add_output(self.attention_output_norm.as_ref(), hidden, output, kept, room);
    }

    /// Writes what the gate lets through, `[rows, intermediate_size]`, of the residual stream;
    /// `normed` is what gate and up are projected from.
    pub(crate) fn gate(
        &self,
        hidden: &[f32],
        normed: &mut [f32],
        gated: &mut [f32],
        gate_up: &mut Parts,
        room: &mut Room<'_>,
    ) {
        self.mlp_norm.forward(hidden, normed, &room.pass);
        project(&self.gate_up, normed, gate_up, room);
        gate::forward(self.activation, gate_up, gated, self.inner);
    }

    /// Adds the MLP's output to the residual stream; `output` is overwritten, and what was normed
    /// stays in `kept`.
    pub(crate) fn add_mlp(
        &self,
        hidden: &mut [f32],
        gated: &[f32],
        output: &mut [f32],
        kept: &mut Vec<f32>,
        room: &mut Room<'_>,
    ) {
        let gated = self.down.input(gated);
        self.down.forward(&gated, output, &room.pass, room.scratch);
        add_output(self.mlp_output_norm.as_ref(), hidden, output, kept, room);
    }

    /// Makes the gradient of this layer's input of `gradient`, that of its output; what `kept`
    /// holds is overwritten. Without `needs_input` only what is trained gets gradients.
    pub(crate) fn backward(
        &self,
        gradient: &mut [f32],
        kept: &mut Activations,
        attention: &Attention<'_>,
        needs_input: bool,
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) {
        self.backward_mlp(gradient, kept, gradients, room);
        self.backward_attention(gradient, kept, attention, needs_input, gradients, room);
    }

    fn backward_mlp(
        &self,
        gradient: &mut [f32],
        kept: &mut Activations,
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) {
        let (pass, rows) = (room.pass, gradient.len() / self.output.out_features());
        let from_above = output_gradient(
            self.mlp_output_norm.as_ref(),
            gradient,
            &kept.mlp_output,
            gradients,
            room,
        );
        let mut gated = room.scratch.take(rows * self.inner);
        let packed = self.down.needs_input(&pass).then(|| {
            gate::forward(self.activation, &kept.gate_up, &mut gated, self.inner);
            self.down.input(&gated)
        });
        let mut of_gated = room.scratch.take(rows * self.inner);
        let into = Some((&mut of_gated[..], Accumulate::No));
        let dy = from_above.as_deref().unwrap_or(gradient);
        self.down.backward(packed.as_ref(), dy, into, &pass, gradients, room.scratch);
        drop(packed);
        gate::backward(self.activation, &mut kept.gate_up, &of_gated, self.inner);
        room.scratch.give(gated);
        room.scratch.give(of_gated);

        let into = (&kept.gate_up, gradient, &kept.middle[..]);
        backward_projections(&self.gate_up, &self.mlp_norm, into, true, gradients, room);
        room.scratch.give_all(from_above);
    }

    fn backward_attention(
        &self,
        gradient: &mut [f32],
        kept: &mut Activations,
        attention: &Attention<'_>,
        needs_input: bool,
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) {
        let pass = room.pass;
        let from_above = output_gradient(
            self.attention_output_norm.as_ref(),
            gradient,
            &kept.attention_output,
            gradients,
            room,
        );
        let mut of_attended = room.scratch.take(kept.attended.len());
        let into = Some((&mut of_attended[..], Accumulate::No));
        let dy = from_above.as_deref().unwrap_or(gradient);
        let attended = self.output.needs_input(&pass).then(|| self.output.input(&kept.attended));
        self.output.backward(attended.as_ref(), dy, into, &pass, gradients, room.scratch);

        let mut of_qkv = std::mem::take(&mut room.scratch.qkv_gradients);
        of_qkv.fit(gradient.len() / self.output.out_features(), kept.qkv.widths.iter().copied());
        let forward = (&kept.qkv, &kept.attended[..], &kept.log_sums[..]);
        attention.backward(forward, &of_attended, &mut of_qkv, room.scratch);
        attention.rotate(&mut of_qkv, Turn::Back);
        self.backward_head_norms(kept, &mut of_qkv, gradients, room);
        room.scratch.give(of_attended);

        let into = (&of_qkv, gradient, &kept.input[..]);
        backward_projections(&self.qkv, &self.attention_norm, into, needs_input, gradients, room);
        room.scratch.qkv_gradients = of_qkv;
        room.scratch.give_all(from_above);
    }

    /// Norms each query head and key head, and keeps what they were.
    fn norm_heads(&self, kept: &mut Activations, pass: &Pass<'_>) {
        let Some([queries, keys]) = &self.head_norms else { return };
        // Families with these norms have separate projections.
        for (part, norm) in [queries, keys].into_iter().enumerate() {
            let values = &mut kept.qkv.buffers[part];
            let before = &mut kept.unnormed_heads[part];
            fit(before, values.len()).copy_from_slice(values);
            norm.forward_in_place(values, pass);
        }
    }

    fn backward_head_norms(
        &self,
        kept: &Activations,
        of_qkv: &mut Parts,
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) {
        let Some([queries, keys]) = &self.head_norms else { return };
        for (part, norm) in [queries, keys].into_iter().enumerate() {
            let dy = &mut of_qkv.buffers[part];
            let mut dx = room.scratch.zeros(dy.len());
            norm.backward(&kept.unnormed_heads[part], dy, &mut dx, &room.pass, gradients);
            dy.copy_from_slice(&dx);
            room.scratch.give(dx);
        }
    }
}

/// Writes what each projection makes of `normed`.
fn project(linears: &[Linear], normed: &[f32], into: &mut Parts, room: &mut Room<'_>) {
    into.fit(normed.len() / linears[0].in_features(), linears.iter().map(Linear::out_features));
    let normed = linears[0].input(normed);
    for (linear, buffer) in linears.iter().zip(&mut into.buffers) {
        linear.forward(&normed, buffer, &room.pass, room.scratch);
    }
}

/// Adds an output to the residual stream, normed where there is a norm, and then keeps it.
fn add_output(
    norm: Option<&Norm>,
    hidden: &mut [f32],
    output: &[f32],
    kept: &mut Vec<f32>,
    room: &mut Room<'_>,
) {
    let Some(norm) = norm else {
        add_rows(hidden, output);
        return;
    };
    fit(kept, output.len()).copy_from_slice(output);
    let mut normed = room.scratch.take(output.len());
    norm.forward(output, &mut normed, &room.pass);
    add_rows(hidden, &normed);
    room.scratch.give(normed);
}

/// The gradient of an output that was normed before it was added.
fn output_gradient(
    norm: Option<&Norm>,
    gradient: &[f32],
    output: &[f32],
    gradients: &mut Gradients,
    room: &mut Room<'_>,
) -> Option<Vec<f32>> {
    let norm = norm?;
    let mut of_output = room.scratch.zeros(gradient.len());
    norm.backward(output, gradient, &mut of_output, &room.pass, gradients);
    Some(of_output)
}

/// From the gradients of projections to that of the residual stream before their norm, which is
/// added to `gradient`.
fn backward_projections(
    linears: &[Linear],
    norm: &Norm,
    (from_above, gradient, before): (&Parts, &mut [f32], &[f32]),
    needs_input: bool,
    gradients: &mut Gradients,
    room: &mut Room<'_>,
) {
    let pass = room.pass;
    let mut normed = room.scratch.take(gradient.len());
    let packed = linears.iter().any(|linear| linear.needs_input(&pass)).then(|| {
        norm.forward(before, &mut normed, &pass);
        linears[0].input(&normed)
    });
    let needs_input = needs_input || norm.is_trained(&pass);
    let mut of_normed = room.scratch.take(gradient.len());
    let mut accumulate = Accumulate::No;
    for (linear, dy) in linears.iter().zip(&from_above.buffers) {
        let into = needs_input.then_some((&mut of_normed[..], accumulate));
        linear.backward(packed.as_ref(), dy, into, &pass, gradients, room.scratch);
        accumulate = Accumulate::Yes;
    }
    drop(packed);
    if needs_input {
        norm.backward(before, &of_normed, gradient, &pass, gradients);
    }
    room.scratch.give(normed);
    room.scratch.give(of_normed);
}

/// `into += values`, on all threads.
pub(crate) fn add_rows(into: &mut [f32], values: &[f32]) {
    const AT_ONCE: usize = 1 << 14;
    for_each_row(into, AT_ONCE, |chunk, into| {
        vectorized(|| add(into, &values[chunk * AT_ONCE..]));
    });
}
