//! Which matrices are quantized, on which grids.

use olive_kit_checkpoint::{Decoder, Linear, LinearRole};
use olive_kit_solve::Grid;
use olive_plugin_api::{Diagnostic, Severity};

use crate::config::{Codes, GroupSize, Method, Override, Quantizer, Selection};
use crate::mixed::MixedPrecision;
use crate::pattern::Pattern;

/// Sizes of groups that kernels here read.
const GROUP_SIZES: [usize; 5] = [16, 32, 64, 128, 256];

/// The matrices that are quantized.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    /// Grid of those that nothing else is said of.
    pub(crate) usual: Grid,
    /// Linear layers and their grids, in order of computation; that of logits where its codes are
    /// its own.
    pub(crate) linears: Vec<(Linear, Grid)>,
    /// Grid of the embedding, where it is quantized.
    pub(crate) embedding: Option<Grid>,
    /// Paths of linear layers that stay in floats.
    pub(crate) left: Vec<String>,
    /// Whether the layer of logits gets a weight of its own, which it has shared.
    pub(crate) unties: bool,
}

impl Targets {
    /// The grid of the linear layer at a path, or of the embedding; `None` where it stays in floats.
    pub(crate) fn grid(&self, path: &str) -> Option<Grid> {
        if path == Decoder::EMBEDDING_MODULE {
            return self.embedding;
        }
        self.linears.iter().find(|(linear, _)| linear.name == path).map(|(_, grid)| *grid)
    }

    /// Every matrix that is quantized, by its path, with its shape `[n, k]`.
    pub(crate) fn all<'a>(
        &'a self,
        decoder: &Decoder,
    ) -> impl Iterator<Item = (&'a str, [usize; 2], Grid)> + use<'a> {
        let shape = [decoder.vocab_size, decoder.hidden_size];
        let embedding = self.embedding.map(|grid| (Decoder::EMBEDDING_MODULE, shape, grid));
        let linears = self.linears.iter().map(|(linear, grid)| {
            (linear.name.as_str(), [linear.out_features, linear.in_features], *grid)
        });
        embedding.into_iter().chain(linears)
    }
}

/// The layer that makes logits, with a weight of its own.
pub(crate) fn own_head(decoder: &Decoder) -> Linear {
    Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..decoder.lm_head() }
}

/// The matrices that the settings of a pass mean for a model, whose own choice of grids goes before
/// them, and what is to be said about them: with an error among it there are none.
pub(crate) fn find<P: Quantizer>(
    config: &P,
    decoder: &Decoder,
    mixed: Option<&MixedPrecision>,
) -> (Option<Targets>, Vec<Diagnostic>) {
    let (selection, mut found) = (config.selection(), Vec::new());
    let mixed = mixed.filter(|_| config.method().has_grids());
    let rules = match Rules::parse(selection, mixed) {
        Ok(rules) => rules,
        Err(problem) => return (None, vec![problem]),
    };
    let usual = usual::<P>(config);
    let usual = mixed.map_or(usual, |mixed| mixed.default.over(usual));
    let embeds = config.codes().is_some_and(|Codes { embeds, .. }| *embeds);
    let shares_codes = decoder.ties_embeddings && embeds;
    let head = (selection.lm_head && !shares_codes).then(|| own_head(decoder));
    let (mut linears, mut left) = (Vec::new(), Vec::new());
    for linear in decoder.linears_of_layers().chain(head) {
        if !takes(config.method(), linear.role) || rules.leaves(&linear.name) {
            left.push(linear.name);
            continue;
        }
        let grid = rules.grid(&linear.name, usual);
        linears.push((linear, grid));
    }
    if !selection.lm_head && !shares_codes {
        left.push(Decoder::LM_HEAD_MODULE.to_owned());
    }
    let embedding = embeds.then(|| rules.grid(Decoder::EMBEDDING_MODULE, usual));
    let unties = decoder.ties_embeddings
        && linears.iter().any(|(linear, _)| linear.role == LinearRole::LmHead);
    let targets = Targets { usual, linears, embedding, left, unties };
    found.extend(rules.unused(decoder));
    found.extend(undivided(&targets, decoder, &rules));
    if targets.linears.is_empty() && targets.embedding.is_none() {
        let message = "no linear layer is left to quantize";
        found.push(Diagnostic::error("no-effect", "/modules_to_not_convert", message));
    }
    let is_sound = found.iter().all(|found| found.severity != Severity::Error);
    (is_sound.then_some(targets), found)
}

/// What is written of modules in settings.
struct Rules {
    left: Vec<(String, Pattern)>,
    overrides: Vec<(String, Pattern, Override)>,
}

impl Rules {
    fn parse(selection: &Selection, mixed: Option<&MixedPrecision>) -> Result<Self, Diagnostic> {
        let parse = |text: &str, pointer: String| {
            Pattern::parse(text).map_err(|problem| {
                let message = format!("`{text}` is no regular expression: {problem}");
                Diagnostic::error("settings", pointer, message)
            })
        };
        let (mut left, mut overrides) = (Vec::new(), Vec::new());
        for (index, text) in selection.modules_to_not_convert.iter().flatten().enumerate() {
            let pointer = format!("/modules_to_not_convert/{index}");
            left.push((pointer.clone(), parse(text, pointer)?));
        }
        let own = selection.overrides.as_ref();
        let all = match mixed {
            Some(mixed) => mixed.overrides_with(own),
            None => own.cloned().unwrap_or_default(),
        };
        for (text, other) in all {
            let pointer = match own.filter(|own| own.contains_key(&text)) {
                Some(_) => format!("/overrides/{}", text.replace('~', "~0").replace('/', "~1")),
                None => String::new(),
            };
            overrides.push((pointer.clone(), parse(&text, pointer)?, other));
        }
        // A path says more than an expression.
        overrides.sort_by_key(|(_, pattern, _)| pattern.is_expression());
        Ok(Self { left, overrides })
    }

    fn leaves(&self, path: &str) -> bool {
        self.left.iter().any(|(_, pattern)| pattern.is_in(path))
    }

    fn of(&self, path: &str) -> Option<&(String, Pattern, Override)> {
        self.overrides.iter().find(|(_, pattern, _)| pattern.is(path))
    }

    fn grid(&self, path: &str, usual: Grid) -> Grid {
        self.of(path).map_or(usual, |(_, _, other)| other.over(usual))
    }

    /// Names that no module has.
    fn unused(&self, decoder: &Decoder) -> Vec<Diagnostic> {
        let embedding = Decoder::EMBEDDING_MODULE.to_owned();
        let linears = decoder.linears_of_layers().chain([own_head(decoder)]);
        let paths: Vec<String> = linears.map(|linear| linear.name).chain([embedding]).collect();
        let left = self.left.iter().filter(|(_, it)| !paths.iter().any(|path| it.is_in(path)));
        let left = left.map(|(pointer, _)| pointer);
        let others =
            self.overrides.iter().filter(|(_, it, _)| !paths.iter().any(|path| it.is(path)));
        let unused = left.chain(others.map(|(pointer, _, _)| pointer));
        let found = unused.map(|pointer| {
            let message = "no linear layer of the model is called so";
            let found = Diagnostic::new(Severity::Warning, "no-effect", pointer, message);
            found.with_help("layers are called as in `model.layers.0.mlp.down_proj` and `lm_head`")
        });
        found.collect()
    }
}

fn usual<P: Quantizer>(config: &P) -> Grid {
    let selection = config.selection();
    let is_symmetric = match config.method() {
        Method::Awq(awq) => awq.zero_point.map_or(selection.sym, |has_zero_point| !has_zero_point),
        Method::Nearest
        | Method::KQuant
        | Method::Gptq(_)
        | Method::Clip(_)
        | Method::Smooth(_) => selection.sym,
    };
    let group_size = selection.group_size.map_or(Some(P::GROUP_SIZE), GroupSize::inputs);
    Grid { bits: selection.bits.count(), group_size, is_symmetric }
}

/// Whether a method does something for layers of this role: `AutoClip` leaves alone what makes
/// scores, as Olive's does.
fn takes(method: Method<'_>, role: LinearRole) -> bool {
    let makes_attention =
        matches!(role, LinearRole::Qkv | LinearRole::Query | LinearRole::Key | LinearRole::Value);
    !(matches!(method, Method::Clip(_)) && makes_attention)
}

/// The first matrix whose rows are no whole number of groups, with the sizes that would do.
fn undivided(targets: &Targets, decoder: &Decoder, rules: &Rules) -> Option<Diagnostic> {
    let divides = |size: usize, k: usize| k.is_multiple_of(size);
    let (path, size, k) = targets.all(decoder).find_map(|(path, [_, k], grid)| {
        grid.group_size.filter(|size| !divides(*size, k)).map(|size| (path, size, k))
    })?;
    let own = rules.of(path).filter(|(_, _, other)| other.group_size.is_some());
    let pointer = own.map_or("/group_size".to_owned(), |(it, _, _)| format!("{it}/group_size"));
    let widths: Vec<usize> = match own {
        Some(_) => vec![k],
        None => targets.all(decoder).map(|(_, [_, k], _)| k).collect(),
    };
    let fits = GROUP_SIZES.iter().filter(|size| widths.iter().all(|&k| divides(**size, k)));
    let fits: Vec<String> = fits.map(usize::to_string).collect();
    let message = format!("group size {size} does not divide the {k} inputs of `{path}`");
    let help = match fits.as_slice() {
        [] => "write -1, for whole rows, or another size for that layer in `overrides`".to_owned(),
        fits => format!("sizes that do: {}", fits.join(", ")),
    };
    Some(Diagnostic::error("out-of-range", pointer, message).with_help(help))
}
