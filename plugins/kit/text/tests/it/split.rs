//! The evaluation split against numpy's order.

use olive_kit_text::{Block, EvalSize, split};

fn blocks(count: u32) -> Vec<Block> {
    let block = |id| Block { input_ids: vec![id], ..Block::default() };
    (0..count).map(block).collect()
}

fn ids(blocks: &[Block]) -> Vec<u32> {
    blocks.iter().map(|block| block.input_ids[0]).collect()
}

/// Orders from `numpy.random.default_rng(seed).permutation(10)`, numpy 2.4.
#[test]
fn evaluation_takes_the_first_of_the_permutation() {
    let (train, eval) = split(blocks(10), EvalSize::Share(0.21), 42).unwrap();
    assert_eq!((ids(&eval), ids(&train)), (vec![5, 6, 0], vec![7, 3, 2, 4, 9, 1, 8]));
    let (train, eval) = split(blocks(10), EvalSize::Count(9), 0).unwrap();
    assert_eq!((ids(&eval), ids(&train)), (vec![4, 6, 2, 7, 3, 5, 9, 0, 8], vec![1]));
}

#[test]
fn a_split_that_leaves_a_side_empty_is_refused() {
    for (count, size, expected) in [
        (
            1,
            EvalSize::Share(0.1),
            "an evaluation split of 0.1 of 1 blocks leaves nothing to train on",
        ),
        (4, EvalSize::Count(4), "an evaluation split of 4 of 4 blocks leaves nothing to train on"),
        (
            4,
            EvalSize::Count(0),
            "an evaluation split of 0 of 4 blocks leaves nothing to evaluate on",
        ),
        (4, EvalSize::Share(1.0), "an evaluation share of 1 is not between 0 and 1"),
        (4, EvalSize::Share(f64::NAN), "an evaluation share of NaN is not between 0 and 1"),
    ] {
        assert_eq!(split(blocks(count), size, 0).unwrap_err().to_string(), expected);
    }
}
