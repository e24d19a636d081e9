//! One row a block.

use super::Strategy;
use super::layout::Blocks;
use crate::tokens::Tokens;

/// The strategy `line-by-line`, and what pairs become.
pub(super) struct Lines;

impl Strategy for Lines {
    fn add(&mut self, rows: Vec<Tokens>, blocks: &mut Blocks) {
        for mut row in rows {
            let is_short = blocks.drops_short && row.len() < blocks.max_len;
            if row.len() == 0 || is_short || blocks.are_enough() {
                blocks.dropped_tokens += row.len();
                continue;
            }
            let kept = row.len().min(blocks.max_len);
            blocks.dropped_tokens += row.len() - kept;
            row.truncate(kept);
            blocks.push(row, None);
        }
    }

    fn finish(self: Box<Self>, _: &mut Blocks) {}
}
