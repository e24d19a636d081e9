//! Why a matrix could not be quantized.

/// Why a matrix could not be quantized.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The grid has a number of bits that no layout stores.
    #[error("{0} bits are not 2, 3, 4 or 8")]
    Bits(u8),
    /// Groups do not fill a row.
    #[error(
        "group size {group_size} does not divide the row length {k}; sizes that do: {}",
        fitting(*k)
    )]
    GroupSize {
        /// Inputs of a group.
        group_size: usize,
        /// Inputs of a row.
        k: usize,
    },
    /// Values and shape disagree.
    #[error("{values} values do not fill a matrix of {n} rows and {k} columns")]
    Shape {
        /// Number of values given.
        values: usize,
        /// Rows claimed.
        n: usize,
        /// Columns claimed.
        k: usize,
    },
    /// A weight is infinite or not a number.
    #[error("the weight of output {output} and input {input} is not finite")]
    WeightNotFinite {
        /// Row of the matrix.
        output: usize,
        /// Column of the matrix.
        input: usize,
    },
    /// An activation is infinite or not a number, or its squares add up to more than f32 holds.
    #[error(
        "input {input} of the layer has a value that is not finite, or too large to be squared"
    )]
    InputNotFinite {
        /// Column of the activations.
        input: usize,
    },
    /// Activations are of a layer with another number of inputs.
    #[error("activations of {inputs} inputs do not fit a matrix of {k} columns")]
    Inputs {
        /// Inputs of the activations.
        inputs: usize,
        /// Columns of the matrix.
        k: usize,
    },
    /// No activation was seen.
    #[error("no calibration token has reached the layer")]
    NoTokens,
    /// An option is outside its range.
    #[error("`{name}` is {value}, which is not {range}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// No Hadamard matrix of a size is known.
    #[error(
        "no Hadamard matrix of size {size} is known; sizes are a power of two times 1, 12, 20, 28, \
         36 or another order of Paley's"
    )]
    Rotation {
        /// Rows and columns.
        size: usize,
    },
    /// The Gram matrix stays singular however much is added to its diagonal.
    #[error(
        "the Gram matrix of the layer's inputs has no Cholesky factor even with {damping} times its \
         mean diagonal added; calibrate with more or other data"
    )]
    Singular {
        /// The largest share that was tried.
        damping: f64,
    },
}

/// Powers of two that divide `k`, as far as layouts know them.
fn fitting(k: usize) -> String {
    let sizes = [16, 32, 64, 128, 256].into_iter().filter(|size| k.is_multiple_of(*size));
    let mut sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
    sizes.push(format!("{k}, a whole row"));
    sizes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_divide_a_row_are_named() {
        let error = SolveError::GroupSize { group_size: 128, k: 96 };
        let expected = "group size 128 does not divide the row length 96; \
                        sizes that do: 16, 32, 96, a whole row";
        assert_eq!(error.to_string(), expected);
    }
}
