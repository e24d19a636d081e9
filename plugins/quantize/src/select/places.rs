//! Choices by the place of a layer, as llama.cpp's mixtures of k-quants make them.

use olive_kit_checkpoint::Decoder;

use crate::config::Algorithm;

/// Paths of the linear layers that are chosen.
pub(super) fn chosen(algorithm: Algorithm, decoder: &Decoder) -> Vec<String> {
    let mut paths = Vec::new();
    for index in (0..decoder.num_layers).filter(|index| counts(*index, decoder.num_layers)) {
        let linears = decoder.layer_linears(index);
        if algorithm == Algorithm::HighPrecisionMlpDownQkv {
            paths.extend(linears.qkv.into_iter().map(|linear| linear.name));
        }
        if algorithm != Algorithm::HighPrecisionLmHead {
            paths.push(linears.down.name);
        }
    }
    paths.push(Decoder::LM_HEAD_MODULE.to_owned());
    paths
}

/// Whether a layer is among the first or last eighth, or is one of every three between.
fn counts(index: usize, num_layers: usize) -> bool {
    let is_outer = 8 * index < num_layers || 8 * index >= 7 * num_layers;
    is_outer || (index - num_layers / 8) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn layers_are_those_of_olive() {
        let of =
            |count: usize| (0..count).filter(|index| counts(*index, count)).collect::<Vec<_>>();
        // What Olive's formula gives, with its division of floats.
        assert_eq!(of(2), [0]);
        assert_eq!(of(12), [0, 1, 3, 6, 9, 11]);
        assert_eq!(of(16), [0, 1, 4, 7, 10, 13, 14, 15]);
        assert_eq!(of(30), [0, 1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29]);
    }
}
