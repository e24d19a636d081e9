//! The previewer: data as a training would make it, with the tokenizer of a checkpoint.
//!
//! Reads the tokenizer and the data, no weights.

use std::path::PathBuf;

use olive_kit_text::{EvalSize, Piece, PieceKind as Kind, Preview, TextError, Tokenizer};
use olive_kit_text::{preview, rows, texts};
use olive_plugin_api::{
    BlockPiece, BlockPreview, DataConfig, DataPreview, Model, ModelKind, PieceKind, PluginError,
    PreviewConfig, PreviewSplit, Previewed, Previewer, RowPreview, SplitSizes, StepContext,
    TokenPreview,
};

use crate::error::EvaluateError;
use crate::threads::with_threads;

/// Shows data as a training makes it.
#[derive(Debug, Default)]
pub struct DataPreviewer;

impl Previewer for DataPreviewer {
    const NAME: &'static str = "DataPreviewer";
    const SUMMARY: &'static str =
        "Show what a model will see of data: text, tokens, blocks and what of them is learned.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn preview(
        &self,
        model: &Model,
        config: &PreviewConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Previewed, PluginError> {
        let data = ctx.data_config(&config.data_config)?;
        let tokenizer = Tokenizer::open(&model.model_path).map_err(EvaluateError::from)?;
        let seen = with_threads(ctx.threads(), || look(&tokenizer, data, config))?;
        ctx.check_cancelled()?;
        Ok(match seen {
            Ok(seen) => Previewed::Data(seen),
            Err(error) => Previewed::Refused(vec![error.finding("")]),
        })
    }
}

fn look(
    tokenizer: &Tokenizer,
    data: &DataConfig,
    config: &PreviewConfig,
) -> Result<DataPreview, TextError> {
    let split =
        config.split.map(|PreviewSplit { eval_size, seed }| (EvalSize::of(eval_size), seed));
    let seen = preview(tokenizer, data, split, config.blocks)?;
    let rows = row_previews(tokenizer, data, config.rows)?;
    let Preview { strategy, max_seq_len, rows: num_rows, empty_rows, tokens, .. } = seen;
    let strategy = serde_json::to_value(strategy).unwrap_or_default();
    Ok(DataPreview {
        files: seen.files.into_iter().map(PathBuf::from).collect(),
        strategy: strategy.as_str().unwrap_or_default().to_owned(),
        max_seq_len,
        num_rows,
        num_empty_rows: empty_rows,
        num_tokens: tokens,
        num_dropped_tokens: seen.dropped_tokens,
        num_blocks: seen.blocks,
        shortest_block: seen.shortest_block,
        longest_block: seen.longest_block,
        num_block_tokens: seen.block_tokens,
        num_padding_tokens: seen.padding_tokens,
        num_masked_labels: seen.masked_labels,
        split: seen.split.map(|sizes| SplitSizes { train: sizes.train, eval: sizes.eval }),
        rows,
        blocks: seen.first.into_iter().map(block).collect(),
    })
}

/// The first rows with text.
fn row_previews(
    tokenizer: &Tokenizer,
    data: &DataConfig,
    count: usize,
) -> Result<Vec<RowPreview>, TextError> {
    let mut previews = Vec::new();
    for row in rows::open(&data.load_dataset_config) {
        if previews.len() >= count {
            break;
        }
        let row = [row?];
        for text in texts(tokenizer, &row, &data.pre_process_data_config)? {
            let ids = tokenizer.encode_plain(&text)?;
            let token = |id| Ok(TokenPreview { id, text: tokenizer.decode_all(&[id])? });
            let tokens = ids.into_iter().map(token).collect::<Result<_, TextError>>()?;
            previews.push(RowPreview { text, tokens });
        }
    }
    Ok(previews)
}

fn block(block: olive_kit_text::BlockPreview) -> BlockPreview {
    let piece = |Piece { kind, segment, tokens, text }| BlockPiece {
        kind: match kind {
            Kind::Trained => PieceKind::Trained,
            Kind::Context => PieceKind::Masked,
            Kind::Padding => PieceKind::Padding,
        },
        sample: segment,
        num_tokens: tokens,
        text,
    };
    BlockPreview {
        num_tokens: block.tokens,
        num_masked_labels: block.masked_labels,
        pieces: block.pieces.into_iter().map(piece).collect(),
    }
}
